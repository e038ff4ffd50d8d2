"""The command line, ``graphwright`` or ``gw`` for short. Importing it loads click and nothing else."""

from .app import main

__all__ = ["main"]

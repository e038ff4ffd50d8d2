"""Suites of others as adapters: they read data from a folder that is named to them; none of it is shipped."""

from .missing import MissingData

__all__ = ["MissingData"]

"""The ban on real models while a suite runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "GRAPHWRIGHT_BAN_REAL_MODELS"
"""Read by ``graphwright.models`` before each request to a real model."""
LIVE = ("openai:", "langchain:")
"""How the names of real models begin."""


@contextmanager
def real_models_banned(is_banned: bool = True) -> Iterator[None]:
    """Within this block a real model that is not on this machine raises ``RealModelBanned``."""
    before = os.environ.get(VARIABLE)
    if is_banned:
        os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before

"""The ban on real models: tests and evals must not spend money or leave the machine by mistake."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from .errors import RealModelBanned

_banned: bool | None = None


def ban_real_models() -> None:
    """From now on, a request to a model that is not on this machine raises `RealModelBanned`."""
    global _banned
    _banned = True


@contextmanager
def allow_real_models() -> Iterator[None]:
    """Within this block real models may be asked, whatever was banned before."""
    global _banned
    before, _banned = _banned, False
    try:
        yield
    finally:
        _banned = before


def check_real_model(name: str, base_url: str | None = None) -> None:
    """Raise `RealModelBanned` when real models are banned and `base_url` is not on this machine."""
    if not _is_banned() or (base_url is not None and is_loopback(base_url)):
        return
    raise RealModelBanned(
        f"{name!r} is a real model, and real models are banned here. Use 'offline', a ScriptedModel or a "
        "recording; or wrap the call in graphwright.models.allow_real_models()."
    )


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_banned() -> bool:
    if _banned is not None:
        return _banned
    return os.environ.get("GRAPHWRIGHT_BAN_REAL_MODELS", "").lower() in ("1", "true", "yes")

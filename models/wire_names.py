"""Tool names as the wire allows them: letters, digits, `_` and `-`, at most 64 of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

_ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")
_HASH_LENGTH = 8


@lru_cache(maxsize=4096)
def wire_name(name: str) -> str:
    """`name` if the wire allows it, else a readable stand-in that no other name shares."""
    if _ALLOWED.fullmatch(name):
        return name
    mark = blake2b(name.encode(), digest_size=_HASH_LENGTH // 2).hexdigest()
    return f"{_FORBIDDEN.sub('_', name)[: 63 - _HASH_LENGTH]}-{mark}"


def our_name(said: str, names: Mapping[str, str]) -> str:
    """The tool a model meant by `said`; `names` maps wire names to ours. An unknown name stays as it is."""
    if said in names:
        return names[said]
    bare = said.strip().removeprefix("functions.")
    return names.get(bare, said)

"""What tools really did: one line at the begin and one at the end of each call, synced, written by no framework.

A life's ledger outlives its processes. It is what a person looks into who has to say whether a call happened.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphwright.runtime.digests import plain_json
from graphwright.runtime.journal import Semantics

MAX_RESULT = 20_000
"""Characters of a result that are kept."""


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """One attempt at a call."""

    id: str
    name: str
    semantics: Semantics
    key: str
    """Its idempotency key; empty for a tool that was called as plain Python."""
    arguments: Any
    probed: bool = False
    """Whether its tool can say by itself what happened."""
    status: str = ""
    """Empty while it runs, and for ever if its process died; done, failed, raised or cancelled."""
    result: str = ""

    @property
    def happened(self) -> bool:
        """Whether it came to its end."""
        return self.status == "done"


class Ledger:
    """The ledger of one life."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count(1)

    def begin(
        self, name: str, semantics: Semantics, key: str, arguments: Mapping[str, Any], probed: bool = False
    ) -> str:
        """A call begins; gives what :meth:`end` wants."""
        call = f"{os.getpid()}.{next(self._numbers)}"
        told = json.loads(plain_json(dict(arguments)))
        self._write(
            {"begin": call, "name": name, "semantics": semantics, "key": key, "arguments": told, "probed": probed}
        )
        return call

    def end(self, call: str, status: str, result: str = "") -> None:
        """A call has ended."""
        self._write({"end": call, "status": status, "result": result[:MAX_RESULT]})

    def calls(self) -> list[LedgerCall]:
        """Every attempt, in order; a line that was cut off by a kill was not written."""
        if not self.path.exists():
            return []
        begun: dict[str, dict[str, Any]] = {}
        for line in self.path.read_text(encoding="utf-8").split("\n")[:-1]:
            row = json.loads(line)
            if "begin" in row:
                begun[row.pop("begin")] = row
            else:
                begun[row.pop("end")].update(row)
        return [LedgerCall(id=call, **row) for call, row in begun.items()]

    def _write(self, row: Mapping[str, Any]) -> None:
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(row).encode() + b"\n")
            os.fsync(file)
        finally:
            os.close(file)

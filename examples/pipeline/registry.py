"""The registry: versions of the model in folders of their own, and one pointer to the version in use.

A version is written beside its place and moved there, then the pointer is replaced: whoever reads sees the old version
or the new one, never half of one. A call repeated with its key finds its version and writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

FOLDER = "pipeline"
FIRST = "v1"


class RegistryDamaged(RuntimeError):
    """A version's files are not what its manifest says. For the operator."""


class UnknownVersion(LookupError):
    """There is no such version."""


class Outdated(RuntimeError):
    """Another version came in use since a deployment was asked for."""


class Registry:
    """Versions, candidates and the pointer, below one folder. One writer at a time, also among processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, scorecard: Mapping[str, Any]) -> None:
        """Make the registry with its first version, unless it is there."""
        with self._writing():
            if not (self._folder / "current").exists():
                files = {"model.json": _json(scorecard), "card.md": "# Scorecard by hand\n"}
                self._write(FIRST, files, {"source": "scorecard", "key": "", "before": ""})
                self._point_to(FIRST)

    def current(self) -> str:
        """The version in use."""
        return (self._folder / "current").read_text().strip()

    def versions(self) -> list[str]:
        """All versions, oldest first."""
        return sorted((each.name for each in (self._folder / "versions").glob("v*")), key=lambda name: int(name[1:]))

    def keep_candidate(self, name: str, model: Mapping[str, Any]) -> None:
        """Store a trained model under its fingerprint; the same one again changes nothing."""
        folder = self._folder / "candidates"
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{name}.json", _json(model))

    def candidate(self, name: str) -> dict[str, Any]:
        """A stored candidate. Raises UnknownVersion."""
        path = self._folder / "candidates" / f"{name}.json"
        if not path.is_file():
            raise UnknownVersion(f"There is no candidate {name!r}. Train it first.")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def deploy(self, candidate: str, card: str, *, source: str, replaces: str, key: str) -> str:
        """Make a version of a candidate and put it in use; gives its name. The same key again gives the same one.

        Args:
            candidate: What it is made of.
            card: Its model card.
            source: The delivery that it was trained on.
            replaces: The version that it was compared with.
            key: Names this deployment for ever.

        Raises:
            Outdated: if another version is in use by now: the comparison does not hold any more.
            UnknownVersion: if there is no such candidate.
        """
        with self._writing():
            known = self._of_key(key)
            current = self.current()
            if known is None and current != replaces:
                raise Outdated(f"{current} is in use by now, not {replaces}. Run the pipeline again to compare.")
            version = known or f"v{int(self.versions()[-1][1:]) + 1}"
            if known is None:
                files = {"model.json": _json(self.candidate(candidate)), "card.md": card}
                self._write(version, files, {"source": source, "key": key, "before": replaces})
            # A crash may have come between the version and the pointer; a late repetition brings nothing back.
            if current == replaces and not (self._folder / "versions" / version / "rolled_back").exists():
                self._point_to(version)
            return version

    def roll_back(self, bad: str, good: str) -> bool:
        """Put an older version in use again, if the bad one still is; gives whether anything changed."""
        with self._writing():
            self.model(good)
            changed = self.current() == bad
            if changed:
                _replace(self._folder / "versions" / bad / "rolled_back", good)
                self._point_to(good)
            return changed

    def title(self, version: str) -> str:
        """What a version's card is headed."""
        card = (self._folder / "versions" / version / "card.md").read_text(encoding="utf-8")
        return card.partition("\n")[0].lstrip("# ")

    def model(self, version: str) -> dict[str, Any]:
        """A version's model, once its files are found to be what its manifest says.

        Raises:
            UnknownVersion, RegistryDamaged.
        """
        manifest, folder = self.manifest(version), self._folder / "versions" / version
        for name, known in manifest["files"].items():
            if _digest((folder / name).read_bytes()) != known:
                raise RegistryDamaged(f"{name} of version {version} is not what its manifest says. Restore it.")
        found: dict[str, Any] = json.loads((folder / "model.json").read_text())
        return found

    def manifest(self, version: str) -> dict[str, Any]:
        """What is known of a version. Raises UnknownVersion."""
        path = self._folder / "versions" / version / "manifest.json"
        if not path.is_file():
            raise UnknownVersion(f"There is no version {version!r}. There are: {', '.join(self.versions())}.")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".lock", timeout=20):
            yield

    def _write(self, version: str, files: Mapping[str, str], about: Mapping[str, str]) -> None:
        target, part = self._folder / "versions" / version, self._folder / "versions" / f".{version}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, text in files.items():
            (part / name).write_text(text, encoding="utf-8")
        hashes = {name: _digest(text.encode()) for name, text in files.items()}
        (part / "manifest.json").write_text(_json({"version": version, **about, "files": hashes}), encoding="utf-8")
        if not target.exists():
            part.rename(target)

    def _point_to(self, version: str) -> None:
        _replace(self._folder / "current", version)

    def _of_key(self, key: str) -> str | None:
        return next((each for each in self.versions() if self.manifest(each)["key"] == key), None)


def world_of(state: Path) -> dict[str, Any]:
    """The version in use, what each version was made of, and the deliveries in quarantine."""
    folder = state / FOLDER
    registry = Registry(folder / "registry")
    if not (folder / "registry" / "current").exists():
        return {"current": FIRST, "versions": {FIRST: "scorecard"}}
    world: dict[str, Any] = {
        "current": registry.current(),
        "versions": {each: registry.manifest(each)["source"] for each in registry.versions()},
    }
    if held := sorted((folder / "quarantine").glob("*.json")):
        world["quarantined"] = {each.stem: ", ".join(json.loads(each.read_text())["codes"]) for each in held}
    return world


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=1)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _replace(path: Path, text: str) -> None:
    """Write a file, all or nothing."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)

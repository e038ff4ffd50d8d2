"""``graphwright config``: the settings in force, and where each one comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, table
from .safe_text import json_line

if TYPE_CHECKING:
    from graphwright.runtime import Settings


@click.command(cls=Command)
@click.option("--model", metavar="MODEL", help="As for `run`: show what it would choose.")
@pass_invocation
def config(invocation: Invocation, model: str | None) -> int:
    """Show the settings in force and where each comes from, and which model a run would use and why."""
    from graphwright.models import resolve_model

    from .session import settings_of

    settings = settings_of(invocation, model=model)
    rows = [
        (name, _value(getattr(settings, name)), _source(settings, name, invocation, model), field.description or "")
        for name, field in type(settings).model_fields.items()
    ]
    choice = resolve_model(settings.model)
    if invocation.json:
        emit(
            {
                "settings": {name: {"value": value, "from": source} for name, value, source, _ in rows},
                "state": str(settings.state),
                "database": str(settings.database),
                "model": {"spec": choice.spec, "reason": choice.reason},
            }
        )
        return EXIT_OK
    table(("SETTING", "VALUE", "FROM", "WHAT IT IS"), [(name, _plain(value), *rest) for name, value, *rest in rows])
    remark(f"State: {settings.state}")
    remark(f"Model: {choice.spec} ({choice.reason}).")
    return EXIT_OK


def _source(settings: Settings, name: str, invocation: Invocation, model: str | None) -> str:
    typed = {"project_dir": invocation.project, "state_dir": invocation.state, "model": model}
    if typed.get(name) is not None:
        return f"--{name.removesuffix('_dir')}"
    variable = f"GRAPHWRIGHT_{name.upper()}"
    if any(variable == known.upper() for known in os.environ):
        return variable
    return _file(settings) if name in _in_file(settings) else "default"


def _file(settings: Settings) -> str:
    from graphwright.runtime.settings import CONFIG_FILE

    return str(settings.project_dir / CONFIG_FILE)


def _in_file(settings: Settings) -> dict[str, Any]:
    import tomllib

    path = Path(_file(settings))
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json_line(value)


COMMANDS = {"config": config}

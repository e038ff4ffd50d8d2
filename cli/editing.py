"""Arguments of a call, edited as JSON: typed on the command line or in the person's editor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from .errors import CliError, usage

_NOTE = "// Change the arguments below, save and close. Lines that begin with // are left out. Empty it to give up.\n"


def arguments_from(text: str, what: str = "The arguments") -> dict[str, Any]:
    """The arguments in a JSON text.

    Raises:
        CliError: a usage error, if it is not a JSON object; says where.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        usage(f'{what} are not JSON: {error}. They look like {{"name": "value"}}.')
    if not isinstance(value, dict):
        usage(f'{what} are a JSON {type(value).__name__}, not an object. They look like {{"name": "value"}}.')
    return value


def arguments_from_editor(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the person made of the arguments in ``$EDITOR``; None if they gave up.

    Raises:
        CliError: if there is no editor, or what was saved is not a JSON object.
    """
    before = _NOTE + json.dumps(dict(arguments), indent=2, ensure_ascii=False) + "\n"
    try:
        after = click.edit(before, extension=".json", require_save=False)
    except click.ClickException as error:
        raise CliError(f"The editor did not work: {error.format_message()} Set EDITOR, or use --args.") from error
    kept = "\n".join(line for line in (after or "").splitlines() if not line.lstrip().startswith("//"))
    return arguments_from(kept, "The edited arguments") if kept.strip() else None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")

"""Arguments of a call: JSON on the command line, YAML in the person's editor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from .errors import CliError, usage

_NOTE = "# Change the arguments below, save and close. Empty the file to give up.\n"


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
        CliError: if there is no editor, or what was saved is not YAML with a value for each name.
    """
    try:
        after = click.edit(_NOTE + _readable(arguments), extension=".yaml", require_save=False)
    except click.ClickException as error:
        raise CliError(f"The editor did not work: {error.format_message()} Set EDITOR, or use --args.") from error
    return _edited(after) if after and _has_content(after) else None


def _readable(arguments: Mapping[str, Any]) -> str:
    """The arguments as YAML, long texts as blocks of lines: a report is edited as a text, not as one line of JSON."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    plain = json.loads(json.dumps(dict(arguments)))
    return yaml.dump(plain, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=100)


def _edited(text: str) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.safe_load(text)
        # Dates and other types that YAML guesses are no JSON values: the tool gets what the person typed.
        json.dumps(value, allow_nan=False)
    except yaml.YAMLError as error:
        usage(f"The edited arguments are not YAML: {' '.join(str(error).split())}.")
    except (TypeError, ValueError) as error:
        usage(f"The edited arguments hold a value that is no text, number or list: {error}. Put it in quotes.")
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        usage(f"The edited arguments are a {type(value).__name__}, not names with values. They look like name: value.")
    return value


def _has_content(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")

"""Flags and arguments that several verbs have, and how they become settings.

They are functions, not constants, as their help is in the language that is then in force.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from prosa.errors import InputError
from prosa.i18n import _


def as_json() -> Any:
    """`--json`."""
    return typer.Option(
        False, "--json", help=_("Print the result as one JSON object on the last line.")
    )


def overwrite() -> Any:
    """`--overwrite`."""
    return typer.Option(False, "--overwrite", help=_("Replace the output if it exists."))


def model() -> Any:
    """MODEL."""
    return typer.Argument(..., metavar="MODEL", help=_("A run's folder or name."))


def kind() -> Any:
    """`--kind`."""
    return typer.Option(None, help=_("The kind of data, if it is mistaken."))


def column() -> Any:
    """`--column`."""
    return typer.Option([], help=_("Which column is which, such as text=headline."))


def clean() -> Any:
    """`--clean`."""
    return typer.Option(None, help=_("Classic steps, such as lower,punctuation,ascii."))


def filters() -> Any:
    """`--filter`."""
    text = _(
        "Leave out what is short=3, repetition, symbols, links, not language=pt, offensive, "
        "or blocked=FILE (a word or phrase a line); separated by commas, or repeated."
    )
    return typer.Option([], "--filter", help=text)


def share() -> Any:
    """`--validation` and `--test`."""
    return typer.Option(None, help=_("A share such as 0.1, a file, or 0."))


def raw() -> Any:
    """`--raw`."""
    text = _("Take the file as it stands: a line is a document.")
    return typer.Option(False, "--raw", help=text)


def max_error() -> Any:
    """`--max-error`."""
    return typer.Option(
        None, help=_("Of an index: the share of wrong answers you accept (default: 0.05).")
    )


def reader() -> Any:
    """`--reader`."""
    return typer.Option(None, help=_("Of an index: a span-qa model for the exact words."))


def writer() -> Any:
    """`--writer`."""
    return typer.Option(None, help=_("Of an index: a model that writes from the passages."))


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """What the person gave, by the names of `Request`'s fields.

    Args:
        given: The values of a command's flags by its parameters' names; what is no setting of a
            run and what was not given is left out.
    """
    from dataclasses import fields

    from prosa.verbs.request import Request

    values = {
        **given,
        "columns": column_map(given["column"]),
        "clean": tuple(part.strip() for part in (given["clean"] or "").split(",") if part.strip()),
        "filter": tuple(given["filters"]),
        "validation": _share_or_file(given["validation"]),
        "test": _share_or_file(given["test"]),
    }
    made = {field.name: values.get(field.name) for field in fields(Request)}
    # Not by truth: --validation 0 is a setting.
    return {name: v for name, v in made.items() if v is not None and v is not False and v != ()}


def column_map(pairs: Iterable[str]) -> dict[str, str] | None:
    """["text=headline"] as {"text": "headline"}.

    Raises:
        InputError: One has no "=".
    """
    columns = {}
    for pair in pairs:
        role, equals, name = pair.partition("=")
        if not equals or not role or not name:
            raise InputError(
                _("--column is {value}").format(value=pair),
                expected=_("role=name, such as text=headline"),
            )
        columns[role.strip()] = name.strip()
    return columns or None


def _share_or_file(text: str | None) -> float | str | None:
    if text is None or Path(text).exists():
        return text
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text

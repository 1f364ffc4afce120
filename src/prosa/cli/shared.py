"""What the verbs share: their words to the person, and how they are printed."""

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from prosa import i18n
from prosa.errors import InputError
from prosa.i18n import _


def print_json(result: dict[str, Any]) -> None:
    """The result as one JSON object on one line of standard output."""
    print(json.dumps(result, ensure_ascii=False), flush=True)


def say(*lines: str) -> None:
    """Print lines for the person."""
    for line in lines:
        print(line, flush=True)


# What is left after escape sequences: every control sign but the line's end, and the marks that
# turn the direction of what follows.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text of a document as a terminal may be given it: nothing in it moves, colours or hides."""
    text = text.replace("\t", " ").replace("\r\n", "\n").replace("\u2028", "\n")
    from prosa.data.repair import ESCAPES

    return _CONTROLS.sub("", ESCAPES.sub("", text))


def converse(
    chat: Any,
    reply: Callable[[str], None],
    out: TextIO,
    more: Sequence[tuple[str, str, Callable[[], None]]] = (),
) -> None:
    """Take a person's lines until they say goodbye.

    Args:
        chat: The conversation; `reset()` forgets it.
        reply: Answers a line.
        out: Where messages go.
        more: Further commands: their words, separated by a space; their line of help; what they do.
    """
    while (line := ask_line()) is not None:
        word = line.lower()
        own = next((act for words, _help, act in more if word in words.split()), None)
        if not line:
            continue
        if word == "/quit" or _is_exit(line):
            print(_("Goodbye!"), file=out)
            return
        if word == "/reset":
            chat.reset()
            print(_("The conversation is forgotten."), file=out)
        elif own is not None:
            own()
        elif word.startswith("/"):
            helps = [_("/help     this list"), *(text for _words, text, _act in more)]
            helps += [_("/reset    forget the conversation")]
            helps += [_("/quit     end (so do: quit, exit, bye, sair, tchau)")]
            print(*helps, sep="\n", file=out, flush=True)
        else:
            try:
                reply(line)
            except InputError as error:
                print(error, file=out)
            except KeyboardInterrupt:
                print(file=out)


def _is_exit(line: str) -> bool:
    """Whether a person's line means goodbye: "tchau", "Sair!", "bye."."""
    folded = unicodedata.normalize("NFC", line).casefold().strip(" .!?…")
    return folded in ("quit", "exit", "bye", "sair", "tchau")


def ask_line() -> str | None:
    """The next line of the person; None at the end of the input or Ctrl-C."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)
        return None


def table(rows: list[list[str]], head: list[str]) -> list[str]:
    """Columns that line up: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def number(value: float | None, digits: int = 2) -> str:
    """A number with the decimal mark of the person's language; a dash where there is none."""
    return "–" if value is None else i18n.number(value, digits)


def megabytes(size: int) -> str:
    """Bytes as MB or GB."""
    if size >= 1_000_000_000:
        return f"{number(size / 1e9, 1)} GB"
    return f"{number(size / 1e6, 1 if size < 1e7 else 0)} MB"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 8 s, 2 min 05 s, 1 h 10 min."""
    if seconds < 10:
        return f"{number(seconds, 1)} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"

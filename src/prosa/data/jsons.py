"""JSON in the shapes people keep data in: lists, lines, columns, and the two reading-test formats.

Which of them a file is, its content decides, not its name. Lists and lines flow row by row; one
object that fills the file (SQuAD, CoQA, {"data": [...]}, columns) is read whole.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from prosa.data import documents
from prosa.data.chunks import ROWS, Chunks, from_rows
from prosa.data.decoding import TextFile
from prosa.errors import InputError
from prosa.i18n import _

_BLOCK = 1 << 20
_CHUNK_CHARACTERS = 8 << 20
_DECODER = json.JSONDecoder()
_SPACE = " \t\n\r\ufeff"
_BLANK = re.compile(r"[ \t\n\r\ufeff]*")


def looks_json(file: TextFile) -> bool:
    """Whether a file without a telling name begins like JSON."""
    with file.open() as text:
        start = text.read(4096).lstrip(_SPACE)
    return start[:1] in ("{", "[") and start[1:].lstrip(_SPACE)[:1] in ('"', "{", "[", "}", "]")


def read_json(file: TextFile) -> Chunks:
    """The records of a JSON or JSON Lines file by column.

    Raises:
        InputError: The JSON is broken (the error names line and column), or holds no records.
    """
    first = _lines(file, 1)[0]
    if first.startswith("[") and not _complete(first):
        rows = _elements(file)
    elif _complete(first) and len(_lines(file, 2)) == 2:
        rows = _from_lines(file)
    else:
        rows = _document(file)
    found: list[dict[str, Any]] = []
    size = 0
    for number, (row, characters) in enumerate(rows, 1):
        found.append(documents.as_row(row, file.name, number))
        size += characters
        if len(found) >= ROWS or size >= _CHUNK_CHARACTERS:
            yield from_rows(found)
            found, size = [], 0
    if found:
        yield from_rows(found)


Sized = tuple[Any, int]
"""A value, and how many characters of JSON it came from."""


def _lines(file: TextFile, count: int) -> list[str]:
    """The first lines that are not blank; a long line that opens a list only in part."""
    found: list[str] = []
    with file.open() as text:
        for line in iter(lambda: text.readline(_BLOCK), ""):
            if bare := line.strip(_SPACE):
                whole = line.endswith("\n") or bare.startswith("[")
                found.append(bare if whole else (line + text.readline()).strip(_SPACE))
            if len(found) == count:
                break
    return found


def _complete(line: str) -> bool:
    try:
        json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _from_lines(file: TextFile) -> Iterator[Sized]:
    with file.open() as text:
        for number, line in enumerate(text, 1):
            if bare := line.strip(_SPACE):
                try:
                    yield json.loads(bare), len(bare)
                except json.JSONDecodeError as error:
                    start = line.index(bare[0])
                    raise _broken(file.name, error.msg, number, start + error.pos + 1) from error
                except RecursionError as error:
                    raise _too_deep(file.name) from error


def _elements(file: TextFile) -> Iterator[Sized]:
    """The elements of one long list, without holding more than a few of them."""
    with file.open() as text:
        window = _Window(text, file.name)
        window.take("[")
        if window.peek() != "]":
            yield window.value()
            while window.peek() != "]":
                window.take(",")
                yield window.value()
        window.take("]")
        if window.peek():
            raise window.fault("Extra data", window.position)


class _Window:
    """A piece of a JSON text that moves on through the file."""

    def __init__(self, text: TextIO, name: str) -> None:
        self.text = text
        self.name = name
        self.buffer = ""
        self.position = 0
        self.line = 1
        self.before = 0

    def peek(self) -> str:
        """The next character that is not blank, or "" at the end of the file."""
        while True:
            blank = _BLANK.match(self.buffer, self.position)
            self.position = blank.end() if blank else self.position
            if self.position < len(self.buffer) or not self._more(_BLOCK):
                return self.buffer[self.position : self.position + 1]

    def take(self, sign: str) -> None:
        """Pass over a sign, which must come next."""
        if self.peek() != sign:
            raise self.fault(f"Expecting '{sign}'", self.position)
        self.position += 1

    def value(self) -> Sized:
        """The value that comes next."""
        self.peek()
        size = _BLOCK
        while True:
            try:
                found, end = _DECODER.raw_decode(self.buffer, self.position)
            except json.JSONDecodeError as error:
                # A value that is cut off fails near the end, or at the start of an open string.
                cut = error.pos > len(self.buffer) - 16 or error.msg.startswith("Unterminated")
                if not cut or not self._more(size):
                    raise self.fault(error.msg, error.pos) from error
                size *= 2
            except RecursionError as error:
                raise _too_deep(self.name) from error
            else:
                start, self.position = self.position, end
                return found, end - start

    def fault(self, reason: str, position: int) -> InputError:
        """The error for a place in the buffer."""
        newline = self.buffer.rfind("\n", 0, position)
        column = position - newline if newline >= 0 else self.before + position + 1
        line = self.line + self.buffer.count("\n", 0, position)
        return _broken(self.name, reason, line, column)

    def _more(self, size: int) -> bool:
        block = self.text.read(size)
        if not block:
            return False
        newline = self.buffer.rfind("\n", 0, self.position)
        self.line += self.buffer.count("\n", 0, self.position)
        self.before = self.position - newline - 1 if newline >= 0 else self.before + self.position
        self.buffer = self.buffer[self.position :] + block
        self.position = 0
        return True


def _document(file: TextFile) -> Iterator[Sized]:
    """The records in one JSON value that fills the file."""
    with file.open() as text:
        whole = text.read()
    try:
        value = json.loads(whole.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        if any(map(_complete, _lines(file, 5))):
            yield from _from_lines(file)
            return
        raise _broken(file.name, error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise _too_deep(file.name) from error
    del whole
    for row in documents.rows_of(value, file.name):
        yield row, 0


def _broken(name: str, reason: str, line: int, column: int) -> InputError:
    return InputError(
        _("This is not valid JSON ({reason})").format(reason=reason),
        path=name,
        line=line,
        column=column,
        hint=_("Mend that place; often a comma, a quote or a bracket is missing just before it"),
    )


def _too_deep(name: str) -> InputError:
    return InputError(
        _("This JSON is nested too deeply to be data"), path=name, expected=documents.EXPECTED
    )

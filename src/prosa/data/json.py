"""JSON and YAML in the shapes people keep data in, SQuAD and CoQA among them.

Which shape a file has, its content decides, not its name. Lists and lines flow row by row; one
object that fills the file ({"data": [...]}, splits, columns, an FAQ) is read whole.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from prosa.data import nested
from prosa.data.decoding import TextFile, survey
from prosa.data.kinds import ROWS, Batches, from_rows
from prosa.errors import InputError
from prosa.i18n import _

_BLOCK = 1 << 20
_BATCH_CHARACTERS = 8 << 20
_SPACE = " \t\n\r\ufeff"
_BLANK = re.compile(r"[ \t\n\r\ufeff]*")


def loads(text: str) -> Any:
    """A JSON value; a whole number of thousands of digits is its text.

    Raises:
        json.JSONDecodeError: It is not valid.
        RecursionError: It is nested too deeply.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python makes no whole number of more than 4,300 digits
        return _PATIENT.decode(text)


def _raw_decode(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _PATIENT.raw_decode(text, start)


_DECODER = json.JSONDecoder()
_PATIENT = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) < 4300 else digits)


def looks_json(file: TextFile) -> bool:
    """Whether a file without a telling name begins like JSON."""
    with file.open() as text:
        start = text.read(4096).lstrip(_SPACE)
    return start[:1] in ("{", "[") and start[1:].lstrip(_SPACE)[:1] in ('"', "{", "[", "}", "]")


def read_json(file: TextFile) -> Batches:
    """The records of a JSON or JSON Lines file by column.

    Raises:
        InputError: The JSON is broken (the error names line and column), or holds no records.
    """
    yield from _batches(_values(file), file.name)


def read_yaml(file: TextFile) -> Batches:
    """The records of a YAML file by column; every value stays the string that was written.

    Raises:
        InputError: The YAML is broken; the error names line and column.
    """
    import yaml  # noqa: PLC0415  only YAML files need it

    try:
        with file.open() as text:
            # A base loader builds strings, lists and dictionaries only: a "no" stays a "no".
            loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # five times as fast
            value = yaml.load(text, loader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(
            _("This is not valid YAML ({reason})").format(reason=reason),
            path=file.name,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
            hint=_("Mend that place; often the indentation or a quote is wrong just before it"),
        ) from error
    yield from _batches(((row, 0) for row in nested.records_of(value, file.name)), file.name)


def reading_texts(path: Path, name: str) -> list[tuple[str, str]] | None:
    """The texts of a reading test, each with its title; None where a file is none.

    Those are the paragraphs of a SQuAD file (Rajpurkar et al. 2016) and the stories of a CoQA file
    (Reddy et al. 2019). The first article decides; only of a reading test more than that is read.

    Raises:
        InputError: It is a reading test that is broken, or lacks a part.
    """
    texts: list[tuple[str, str]] = []
    with survey(path, name).open() as text:
        articles = _articles(_Window(text, name))
        try:
            first = next(articles, None)
        except InputError:
            return None  # `read_json` says what is wrong, and where
        if not nested.is_article(first):
            return None
        try:
            for article in chain([first], articles):
                texts += nested.contexts(article)
        except (KeyError, TypeError, AttributeError) as error:
            message = _("This looks like SQuAD or CoQA, but a part is missing: {part}")
            raise InputError(
                message.format(part=error),
                path=name,
                expected='{"data": [{"paragraphs": [{"context": …}]}]} / {"data": [{"story": …}]}',
            ) from error
    return texts


Sized = tuple[Any, int]
"""A value, and how many characters of JSON it came from."""


def _batches(values: Iterable[Sized], name: str) -> Batches:
    rows: list[dict[str, Any]] = []
    size = 0
    for number, (value, characters) in enumerate(values, 1):
        rows.append(nested.as_row(value, name, number))
        size += characters
        if len(rows) >= ROWS or size >= _BATCH_CHARACTERS:
            yield from_rows(rows)
            rows, size = [], 0
    if rows:
        yield from_rows(rows)


def _values(file: TextFile) -> Iterator[Sized]:
    """The records of a JSON file: the elements of a list, lines, or those within one value."""
    first, more = _first_line(file)
    try:
        value = loads(first)
    except (json.JSONDecodeError, RecursionError):
        yield from _elements(file) if first.startswith("[") else _document(file)
    else:
        rows = ((row, 0) for row in nested.records_of(value, file.name))
        yield from _lines(file) if more else rows


def _first_line(file: TextFile) -> tuple[str, bool]:
    """The first line that is not blank, of a long list its beginning, and whether more follow."""
    first = ""
    with file.open() as text:
        for line in iter(lambda: text.readline(_BLOCK), ""):
            bare = line.strip(_SPACE)
            if first and bare:
                return first, True
            if bare:
                whole = bare[0] == "[" or line.endswith("\n")
                first = bare if whole else (line + text.readline()).strip(_SPACE)
    return first, False


def _lines(file: TextFile) -> Iterator[Sized]:
    with file.open() as text:
        for number, line in enumerate(text, 1):
            if bare := line.strip(_SPACE):
                try:
                    value = loads(bare)
                except json.JSONDecodeError as error:
                    start = line.index(bare[0])
                    raise _broken(file.name, error.msg, number, start + error.pos + 1) from error
                except RecursionError as error:
                    raise too_deep(file.name) from error
                yield value, len(bare)


def _elements(file: TextFile) -> Iterator[Sized]:
    """The elements of one long list, without holding more than a few of them."""
    with file.open() as text:
        window = _Window(text, file.name)
        yield from window.elements()
        if window.peek():
            raise window.fault("Extra data", window.position)


def _document(file: TextFile) -> Iterator[Sized]:
    """The records in one JSON value that fills the file."""
    with file.open() as text:
        whole = text.read()
    try:
        value = loads(whole.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        if any(map(_complete, islice(filter(str.strip, io.StringIO(whole)), 5))):
            yield from _lines(file)
            return
        raise _broken(file.name, error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise too_deep(file.name) from error
    del whole
    for row in nested.records_of(value, file.name):
        yield row, 0


def _complete(line: str) -> bool:
    try:
        loads(line.strip(_SPACE))
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _articles(window: "_Window") -> Iterator[Any]:
    """The elements of a list, or of the list "data" in an object."""
    if window.peek() == "{":
        window.take("{")
        while window.peek() == '"':
            key, _size = window.value()
            window.take(":")
            if key == "data":
                break
            window.value()
            if window.peek() == ",":
                window.take(",")
    if window.peek() == "[":
        yield from (article for article, _size in window.elements())


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
                value, end = _raw_decode(self.buffer, self.position)
            except json.JSONDecodeError as error:
                # A value that is cut off fails near the end, or at the start of an open string.
                cut = error.pos > len(self.buffer) - 16 or error.msg.startswith("Unterminated")
                if not cut or not self._more(size):
                    raise self.fault(error.msg, error.pos) from error
                size *= 2
            except RecursionError as error:
                raise too_deep(self.name) from error
            else:
                start, self.position = self.position, end
                return value, end - start

    def elements(self) -> Iterator[Sized]:
        """The elements of the list that comes next."""
        self.take("[")
        if self.peek() != "]":
            yield self.value()
            while self.peek() != "]":
                self.take(",")
                yield self.value()
        self.take("]")

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


def _broken(name: str, reason: str, line: int, column: int) -> InputError:
    return InputError(
        _("This is not valid JSON ({reason})").format(reason=reason),
        path=name,
        line=line,
        column=column,
        hint=_("Mend that place; often a comma, a quote or a bracket is missing just before it"),
    )


def too_deep(name: str) -> InputError:
    """The error for values in values in values, without end."""
    return InputError(
        _("This JSON is nested too deeply to be data"), path=name, expected=nested.EXPECTED
    )

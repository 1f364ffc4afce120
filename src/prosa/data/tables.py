"""CSV and TSV: which character parts the columns, whether there is a header, and sound rows.

Rows flow; nothing is kept but a batch. Every fault is an error that names the line in the file
where its row begins, because a row that is read wrongly is worse than one that is not read.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from prosa.data import names
from prosa.data.decoding import TextFile, torn
from prosa.data.kinds import ROWS, Batch, Batches, Source, from_arrow
from prosa.errors import InputError
from prosa.i18n import _, ngettext

_DELIMITERS = ",;\t|"
_NONE = "\x1f"
"""Stands for the delimiter where there is one column only: a character that no text holds."""

_SAMPLE_LINES = 200
_SAMPLE_CHARACTERS = 1 << 20
_ROW_CHARACTERS = 64 << 20
_HINT_SIGN = re.compile(r"sep=([^\s\"]|\t)\s*$")
_NUMBER = re.compile(r"[-+\d.,:/ ]+")
_IDENTIFIER = re.compile(r"\w_\w|[a-z][A-Z]")
_BATCH_CHARACTERS = 8 << 20
_PARQUET_ROWS = 512
_COLUMNS = 100
"""Columns that are looked at to find out whether there is a header."""

_MOST_COLUMNS = 10_000
"""More are no table of texts, but text full of separators."""


class Dialect(csv.excel):
    """How a file parts its columns; `strict`, so that a broken quote is an error.

    Attributes:
        skip: Lines before the first row: one that names the delimiter.
        looks_tabular: Whether it is a table though no name says so: all rows of the sample are
            equally long, and the header is known.
    """

    strict = True
    skip = 0
    header = True
    looks_tabular = False

    def __init__(self, delimiter: str, *, quoted: bool = True) -> None:
        self.delimiter = delimiter
        if not quoted:
            self.quoting = csv.QUOTE_NONE
        super().__init__()


def sniff(file: TextFile, *, tabs: bool = False, named: Collection[str] = ()) -> Dialect:
    """Find out how a file parts its columns; one that the person has `named` is in the header.

    `tabs` prefers the tab, as the name .tsv says.
    """
    csv.field_size_limit((1 << 31) - 1)  # 131,072 characters a value are too few for texts
    lines = _sample(file)
    skip, signs = 0, _DELIMITERS
    if lines and (hint := _HINT_SIGN.match(lines[0])):
        skip, signs = 1, hint[1]
    parsed = {sign: _parsed(lines[skip:], Dialect(sign)) for sign in signs}
    delimiter = max(parsed, key=lambda sign: (*_fit(parsed[sign]), tabs and sign == "\t"))
    if not skip and _fit(parsed[delimiter])[1] < 2:
        delimiter = _NONE
    dialect = Dialect(delimiter, quoted=not (delimiter == "\t" and _bare(lines)))
    as_parsed = delimiter in parsed and dialect.quoting != csv.QUOTE_NONE
    rows = parsed[delimiter] if as_parsed else _parsed(lines[skip:], dialect)
    dialect.skip = skip
    dialect.header = _has_header(rows, named)
    dialect.looks_tabular = (
        delimiter != _NONE
        and len(rows) > 1
        and len({len(row) for row in rows}) == 1
        and (
            names.find(names.TELLING, rows[0][:_COLUMNS]) is not None
            or sum(map(names.is_language, rows[0][:_COLUMNS])) > 1
        )
    )
    return dialect


def read_table(file: TextFile, dialect: Dialect) -> Batches:
    """The rows of a CSV or TSV file by column; every value is a string.

    Raises:
        InputError: A row has more or fewer columns than the header, or a quote is never closed;
            the error names the line where that row begins.
    """
    with file.open(newline="") as text:
        rows = _rows(text, dialect, file.name)
        line, _size, first = next(rows, (0, 0, []))
        if not first:
            return
        header = _header(first, dialect)
        if len(header) > _MOST_COLUMNS:
            raise _ragged(len(header), file.name, line)
        batch: list[list[str]] = [] if dialect.header else [first]
        size = 0
        for line, characters, row in rows:
            fits = len(row) == len(header)
            batch.append(row if fits else _fitted(row, header, file.name, line))
            size += characters
            if len(batch) >= ROWS or size >= _BATCH_CHARACTERS:
                yield _by_column(header, batch)
                batch, size = [], 0
        if batch:
            yield _by_column(header, batch)


def describe(dialect: Dialect) -> tuple[str, ...]:
    """Say what is not as usual about a file's columns."""
    if not dialect.header:
        return (_("No header: the columns are called 1, 2, 3…"),)
    if dialect.delimiter in ",\t" + _NONE:
        return ()
    return (_("Columns are parted by '{sign}'").format(sign=dialect.delimiter),)


def open_parquet(path: Path, name: str) -> Source:
    """Open a parquet file; `name` is what messages call it."""
    import pyarrow.parquet as pq  # noqa: PLC0415  only parquet needs it

    def batches(wanted: Collection[str] | None = None) -> Batches:
        try:
            with pq.ParquetFile(path, memory_map=True) as file:
                columns = [n for n in file.schema_arrow.names if wanted is None or n in wanted]
                for batch in file.iter_batches(_PARQUET_ROWS, columns=columns, use_threads=False):
                    yield from_arrow(batch)
        except (pa.ArrowInvalid, OSError) as error:
            raise no_parquet(name) from error

    return Source(name, batches, by_column=True)


def no_parquet(name: str) -> InputError:
    """The error for a parquet file that cannot be read."""
    return torn(name, _("This parquet file is broken or cut short"))


def _rows(text: TextIO, dialect: Dialect, name: str) -> Iterator[tuple[int, int, list[str]]]:
    """Rows that are not blank, each with the line on which it begins and its characters."""
    begin = first = 1 + sum(1 for _line in islice(text, dialect.skip))
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        for line in text:
            size += len(line)
            if size > max(_ROW_CHARACTERS, len(line)):  # an open quote must not fill the memory
                raise csv.Error("unexpected end of data")
            yield line

    reader = csv.reader(lines(), dialect)
    try:
        for row in reader:
            if row:
                yield begin, size, row
            begin, size = first + reader.line_num, 0
    except csv.Error as error:
        raise _broken(name, begin, str(error)) from error


def _fitted(row: list[str], header: list[str], file_name: str, line: int) -> list[str]:
    """A row with the header's columns; empty columns too many at its end are let go."""
    if len(row) > len(header) and not any(row[len(header) :]):
        return row[: len(header)]
    expected = _("{count} columns, as in the header: {names}").format(
        count=len(header), names=names.listed(header)
    )
    raise _ragged(len(row), file_name, line, expected)


def _ragged(count: int, file_name: str, line: int, expected: str = "") -> InputError:
    return InputError(
        ngettext("This row has {found} column", "This row has {found} columns", count).format(
            found=count
        ),
        path=file_name,
        line=line,
        expected=expected,
        hint=_(
            "Put a value that holds the separator or a line break into double quotes, "
            "or add what is missing"
        ),
    )


def _broken(file_name: str, line: int, reason: str) -> InputError:
    if "end of data" in reason:
        what = _("A quote that opens in this row is never closed")
    elif "expected after" in reason:
        what = _("After the quote that closes a value there is more text")
    else:
        what = _("This row cannot be read: {reason}").format(reason=reason)
    return InputError(
        what,
        path=file_name,
        line=line,
        hint=_('Close the quote; a quote inside a quoted value is written twice: ""'),
    )


def _header(first: list[str], dialect: Dialect) -> list[str]:
    if not dialect.header:
        return [str(number + 1) for number in range(len(first))]
    width = max((n for n, name in enumerate(first, 1) if name.strip()), default=1)
    header: dict[str, None] = {}
    for number, cell in enumerate(first[:width], 1):
        name = cell.strip() or str(number)
        while name in header:
            name += f" ({number})"
        header[name] = None
    return list(header)


def _by_column(header: list[str], rows: list[list[str]]) -> Batch:
    return {
        name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)
    }


def _fit(rows: list[list[str]]) -> tuple[float, int]:
    """The share of rows with as many columns as the first, and how many those are."""
    if not rows or len(rows[0]) < 2:
        return 0.0, 1
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])


def _sample(file: TextFile) -> list[str]:
    """The first lines, their ends kept; a line that is cut short by the limit is left out."""
    with file.open(newline="") as text:
        block = text.read(_SAMPLE_CHARACTERS)
    lines = list(islice(io.StringIO(block, newline=""), _SAMPLE_LINES + 1))
    return lines[:-1] if len(lines) > 1 and len(block) == _SAMPLE_CHARACTERS else lines


def _parsed(lines: list[str], dialect: Dialect) -> list[list[str]]:
    """Rows of a sample as far as they can be read: the last may be cut off in the middle."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(filter(None, csv.reader(lines, dialect)))
    return rows


def _bare(lines: list[str]) -> bool:
    """Whether quotes in a file with tabs are plain characters: some value opens one for good."""
    rows = [line.rstrip("\r\n").split("\t") for line in lines]
    one_sided = any(
        value.startswith('"') and (len(value) == 1 or not value.endswith('"'))
        for row in rows
        for value in row
    )
    return one_sided and len({len(row) for row in rows}) == 1


def _has_header(rows: list[list[str]], named: Collection[str]) -> bool:
    """Whether the first row names the columns, or is data as the rows below it."""
    cells = [cell.strip() for cell in rows[0][:_COLUMNS]] if rows else []
    filled = [cell for cell in cells if cell]
    if names.find([names.plain(name) for name in named if not name.isdigit()], filled):
        return True
    data = any(len(c) > 100 or c[-1] in ".!" or _NUMBER.fullmatch(c) for c in filled)
    if data or not filled or len(set(filled)) < len(filled):
        return False
    columns = []
    for place, cell in enumerate(cells):
        below = [row[place].strip() for row in rows if len(row) > place and row != rows[0]]
        if cell and any(below):
            columns.append((cell, list(filter(None, below))))
    languages = sum(map(names.is_language, filled))
    if not columns or languages > 1 or any(_surely_names(*column) for column in columns):
        return True
    if any(cell in below or _asked(cell, below) for cell, below in columns):
        return False  # a label stands below again; a question stands above questions
    # Where nothing tells the first row from the others, single words are taken for names.
    words = [len(cell.split()) for cell in filled]
    return any(_may_name(*column) for column in columns) or (max(words) < 3 and min(words) < 2)


def _surely_names(cell: str, below: list[str]) -> bool:
    """Whether a cell is a known name, or stands above numbers."""
    numbers = sum(bool(_NUMBER.fullmatch(value)) for value in below)
    known = names.find(names.KNOWN, [cell]) is not None
    return numbers > 0.9 * len(below) or (known and cell not in below)


def _asked(cell: str, below: list[str]) -> bool:
    """Whether a cell is a question as most of those below: in a form it may be a name."""
    return cell[-1] == "?" and sum(value[-1] == "?" for value in below) > len(below) / 2


def _may_name(cell: str, below: list[str]) -> bool:
    """Whether a cell is of another kind than the values below it."""
    if cell[-1] in "?:" or names.begins_like_a_name(cell):
        return True
    half = len(below) / 2
    identifiers = sum(_IDENTIFIER.search(value) is not None for value in below)
    sentences = sum(value[-1] in ".!?…" for value in below)
    # Ten values of few kinds are labels, and this is none of them.
    labels = len(below) >= 10 and len(set(below)) <= len(below) / 3
    if sentences > half or labels or (_IDENTIFIER.search(cell) and identifiers < half):
        return True
    words, below_words = len(cell.split()), sorted(len(value.split()) for value in below)
    return below_words[len(below) // 2] >= 3 * words or words > 1.5 * below_words[-1]

"""Plain text and Markdown into records: a line, a paragraph, or the whole file.

The rule: a file without blank lines whose lines are sentences or short items is a list, one record
a line. Everything else is running text, one record; hard-wrapped text is running text even where
it has no blank line. Running text beyond 8 MB is cut at paragraph borders into consecutive records
of about 1 MB. They carry no group: text this long may be parted between training and test.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal, TextIO

from prosa.data.decoding import TextFile, survey
from prosa.data.kinds import ROWS, Batches, in_batches
from prosa.errors import InputError
from prosa.i18n import _

Layout = Literal["line", "paragraph", "file", "raw"]
"""What a record of a text file is; "raw": a line as it stands, split at line feeds only."""

LAYOUTS: tuple[Layout, ...] = ("line", "paragraph", "file")
"""Those that a person can ask for by name."""

WHOLE = 8 << 20
"""Characters of running text that are kept as one record."""

PIECE = 1 << 20
"""Characters of a piece, where running text is longer than `WHOLE`."""

SHARD_LINES = 1000
"""Lines from which a text file among others in a folder can be a list instead of a document."""

_BLOCK = 1 << 20
_SAMPLE = 2000
_LONGEST_LINE = 1 << 16
_ENDS = frozenset(".!?…:;\"'”’»)]}*_")
_BORDERS = ("\n\n", "\n", ". ", " ")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")


def checked_layout(records: str | None) -> Layout | None:
    """Check the `records` argument.

    Raises:
        InputError: It is neither None nor a `Layout`.
    """
    if records is not None and records not in LAYOUTS:
        raise InputError(
            _("A record cannot be '{records}'").format(records=records),
            expected=", ".join(LAYOUTS),
        )
    return records


def layout_of(file: TextFile, *, among_others: bool = False) -> Layout:
    """Whether a text file is a list of lines or running text.

    Among other text files in a folder a short one is a document.
    """
    short = file.lines < (SHARD_LINES if among_others else 2)
    if file.blank_lines or short or _hard_wrapped(file):
        return "file"
    return "line"


def read_text(file: TextFile, layout: Layout) -> Batches:
    """The records of a text file, in a column `text`; blank ones are left out.

    Line ends come out as line feeds, but for raw lines.
    """
    split = {"paragraph": _paragraphs, "file": _whole}.get(layout, _lines)
    with file.open(newline="\n" if layout == "raw" else None) as text:
        for texts in in_batches(split(text), len, _BLOCK, ROWS):
            yield {"text": texts}


def numbered_lines(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, without the white space at their ends.

    Blank lines are empty; a line without end is parted after 65,536 characters.

    Raises:
        InputError: It is empty, is not text, or cannot be read.
    """
    number = 1
    with survey(path, name).open() as text:
        while line := text.readline(_LONGEST_LINE):
            yield number, line.rstrip()
            number += line.endswith("\n")


def describe(file: TextFile, layout: Layout) -> str:
    """Say what a record of a text file is."""
    if layout == "raw":
        return _("Raw text: a record is a line as it stands")
    if layout == "line":
        return _("Plain text: a record is a line")
    if layout == "paragraph":
        return _("Plain text: a record is a paragraph")
    if file.characters > WHOLE:
        return _("Long running text: a record is a piece of about 1 MB")
    return _("Running text: a record is a whole file")


def _hard_wrapped(file: TextFile) -> bool:
    """Whether sentences run on over the line ends, at a steady width."""
    lines: list[str] = []
    inside = False
    with file.open() as text:
        for line in islice(iter(lambda: text.readline(_LONGEST_LINE), ""), _SAMPLE):
            if not inside:
                lines.append(line.rstrip())
            inside = not line.endswith("\n")
    breaks = sum(
        before[-1:] not in _ENDS and after.lstrip()[:1].islower()
        for before, after in pairwise(lines)
    )
    # Measured, as medians: in wrapped novels and dictionaries 0.55 to 0.70 of the line ends fall
    # within a sentence and 0.72 to 0.88 of the lines are about as wide as the widest. In lists
    # without marks and capitals 0.82 of the line ends look so too, but only 0.05 to 0.32 are wide.
    if breaks < 0.3 * (len(lines) - 1):
        return False
    lengths = sorted(map(len, lines))
    width = lengths[int(0.9 * (len(lengths) - 1))]
    steady = sum(abs(length - width) <= 16 for length in lengths)
    return width >= 45 and steady >= 0.45 * len(lengths)


def _lines(text: TextIO) -> Iterator[str]:
    return (line.removesuffix("\n") for line in text if not line.isspace())


def _paragraphs(text: TextIO) -> Iterator[str]:
    rest = ""
    while block := text.read(_BLOCK):
        *whole, rest = _PARAGRAPH.split(rest + block)
        yield from (part for part in whole if part.strip())
        if len(rest) > WHOLE:
            rest, full = "", rest
            yield from _cut(full)
    if rest.strip():
        yield rest.rstrip("\n")


def _whole(text: TextIO) -> Iterator[str]:
    whole = text.read(WHOLE + 1)
    if len(whole) <= WHOLE:
        yield whole.strip("\n")
        return
    while block := text.read(_BLOCK):
        pieces = list(_cut(whole))
        yield from pieces[:-1]
        whole = pieces[-1] + block
    yield from (piece for piece in _cut(whole) if piece.strip())


def _cut(text: str) -> Iterator[str]:
    """Cut long text into pieces at the best border: paragraph, line, sentence, word, or none."""
    start = 0
    while len(text) - start > PIECE:
        end = _border(text, start + PIECE // 2, start + PIECE)
        yield text[start:end].strip("\n")
        start = end
    yield text[start:]


def _border(text: str, low: int, high: int) -> int:
    for sign in _BORDERS:
        if (place := text.rfind(sign, low, high)) >= 0:
            return place + len(sign)
    return high

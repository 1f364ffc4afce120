"""Passages: the pieces of documents that are found and cited, cut at paragraph and sentence ends.

A reader yields `Block`s, one a paragraph of its document with its place; `cut` makes passages of
them. Pairs of question and answer are passages as they are, with every wording of the question.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise, repeat

from prosa.i18n import _

LONGEST = 1200
"""Characters of a passage, at most, where sentences allow it."""

SHORTEST = 300
"""Paragraphs shorter than this are joined with the next under the same heading."""

LONGEST_SENTENCE = 4000
"""A sentence beyond this is cut between words."""

# It begins with one set of characters, so that the search skips all others: 2.7 times as fast as
# two alternatives. What closes a sentence is looked at once, from its first sign on.
_END = re.compile(
    r"[.!?…\n](?:(?<=\n)\n*"
    r"|(?<!\n)(?<![.!?…]{2})[.!?…]*+[\"'”’»)\]]*+\s++(?=[\"'“‘«(\[—–-]*+[A-ZÀ-ÝØ-Þ0-9]))"  # noqa: RUF001
)
_BEFORE = re.compile(r"(?:^|[\s(\[\"“'‘])([^\W\d_]+(?:\.[^\W\d_]+)*|n\.?º)\.$")  # noqa: RUF001
_ABBREVIATIONS = """
sr sra srs sras srta dr dra drs dras prof profa profs profas d dom st sta sto exmo exma ilmo
art arts inc par pág pag págs pags p pp ex cf cap caps fig figs tab ed eds vol vols n no nº núm
num núms tel av al aprox máx mín min max obs ref res dec séc sec jr sr mr mrs ms vs etc i.e e.g
p.ex a.c d.c cia ltda lt col cel gen cap ten sgt eng arq adv dep sen min pres gov
"""
_SHORT = frozenset(_ABBREVIATIONS.split())

_LOOK_BACK = 9
"""Characters that an abbreviation is looked for in: the longest and what stands before it."""


class Count(StrEnum):
    """What the number of a place counts."""

    LINE = "line"
    PAGE = "page"
    ROW = "row"
    PARAGRAPH = "paragraph"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document something stands: its 1-based number, 0 for the whole document.

    `heading` are the headings above, outermost first, parted by " > ".
    """

    count: Count = Count.LINE
    number: int = 0
    heading: str = ""

    def __str__(self) -> str:
        parts = [self._counted()] if self.number else []
        return ", ".join([*parts, *([self.heading] if self.heading else [])])

    def _counted(self) -> str:
        match self.count:
            case Count.LINE:
                return _("line {n}").format(n=self.number)
            case Count.PAGE:
                return _("page {n}").format(n=self.number)
            case Count.ROW:
                return _("row {n}").format(n=self.number)
            case Count.PARAGRAPH:
                return _("paragraph {n}").format(n=self.number)


class Headings:
    """The headings above a paragraph, outermost first, parted by " > "."""

    def __init__(self) -> None:
        self._stack: list[str] = []

    def push(self, level: int, title: str) -> None:
        """A heading of a level, from 1 on, begins."""
        del self._stack[level - 1 :]
        self._stack += [""] * (level - 1 - len(self._stack))
        self._stack.append(title)

    def __str__(self) -> str:
        return " > ".join(filter(None, self._stack))


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of a document; its line breaks part list items or verses.

    One that is `whole` is a passage by itself: it is neither joined nor, up to `LONGEST_SENTENCE`,
    cut. `lines` counts those it takes, where its place is a line.
    """

    text: str
    place: Place
    whole: bool = False
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Passage:
    """What is found and cited: running text, or the answer to a question of several wordings."""

    text: str
    place: Place
    wordings: tuple[str, ...] = ()

    @property
    def full_text(self) -> str:
        """The wordings and the text, a line each."""
        return "\n".join((*self.wordings, self.text))

    @property
    def searched_text(self) -> str:
        """What its words are found by: its heading too."""
        return "\n".join((self.place.heading, *self.wordings, self.text))


def cut(blocks: Iterable[Block]) -> Iterator[Passage]:
    """Join short paragraphs and cut long ones, under one heading and never across headings."""
    run: list[Block] = []
    size = 0
    for block in blocks:
        if not block.text or block.text.isspace():
            continue
        if run and _joins(run[-1], size, block):
            size += 1 + len(block.text)
        else:
            yield from _passages(run)
            run, size = [], len(block.text)
        run.append(block)
    yield from _passages(run)


def _joins(last: Block, size: int, block: Block) -> bool:
    """Whether a block goes on a passage of so many characters that ends with another."""
    return (
        min(size, len(block.text)) < SHORTEST
        and size + len(block.text) < LONGEST
        and not last.whole
        and not block.whole
        and last.place.heading == block.place.heading
        and (last.place.count != Count.PAGE or last.place.number == block.place.number)
    )


def _passages(blocks: list[Block]) -> Iterator[Passage]:
    """One passage of some blocks, or several of a block that is too long."""
    if not blocks:
        return
    block = blocks[0]
    if len(blocks) > 1:
        yield Passage("\n".join([one.text for one in blocks]), block.place)
        return
    if len(block.text) <= (LONGEST_SENTENCE if block.whole else LONGEST):
        yield Passage(block.text, block.place)
        return
    pieces = [
        piece for start, end in sentences(block.text) for piece in _broken(block.text, start, end)
    ]
    size = sum(end - start for start, end in pieces)
    aim = size / -(-size // LONGEST)
    starts, ends, size = [pieces[0][0]], [], 0
    for number, (start, end) in enumerate(pieces):
        # Balanced: a piece ends where it is nearest to its share, so that no crumb is left over.
        if size and size + (end - start) / 2 > aim:
            ends.append(pieces[number - 1][1])
            starts.append(start)
            size = 0
        size += end - start
    ends.append(pieces[-1][1])
    for (start, end), place in zip(
        zip(starts, ends, strict=True), _places(block, starts), strict=True
    ):
        yield Passage(block.text[start:end], place)


def _places(block: Block, starts: Sequence[int]) -> Iterator[Place]:
    """Where the parts of a block begin."""
    place = block.place
    if place.count != Count.LINE or not place.number:
        yield from repeat(place, len(starts))
        return
    # Wrapped lines were joined where there are fewer breaks now than lines: then by share.
    joined = block.text.count("\n") + 1 < block.lines
    breaks = 0
    for before, start in pairwise((0, *starts)):
        breaks += block.text.count("\n", before, start)
        by_share = int(block.lines * start / len(block.text))
        yield replace(place, number=place.number + ((not joined and breaks) or by_share))


def _broken(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence as it is, or cut between words where it is too long."""
    while end - start > LONGEST_SENTENCE:
        border = text.rfind(" ", start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        border = border if border > 0 else start + LONGEST_SENTENCE
        yield start, border
        start = border + (text[border : border + 1] == " ")
    if start < end:
        yield start, end


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as (start, end) in characters, white space around them left out.

    A line break ends a sentence. An abbreviation ("Dr.", "art.") or an initial ("J.") does not.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for mark in _END.finditer(text):
        # The piece runs to the closing mark: what follows it, white space, belongs to none.
        end = mark.start() + len(mark[0].rstrip())
        if mark[0][0] == "." and _abbreviated(text[max(start, end - _LOOK_BACK) : end]):
            continue
        _add(spans, text, start, end)
        start = mark.end()
    _add(spans, text, start, len(text))
    return spans


def _abbreviated(tail: str) -> bool:
    match = _BEFORE.search(tail)
    if not match:
        return False
    word = match[1]
    return (len(word) == 1 and word.isupper()) or word.lower() in _SHORT


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))

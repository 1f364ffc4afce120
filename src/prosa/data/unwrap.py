"""Lines that were wrapped at a fixed width, joined into paragraphs again.

Whether a text is wrapped is decided from the whole of it. In wrapped prose a line breaks in the
midst of a sentence, and it breaks because the next word found no room: the length of a line plus
the first word of the next comes to the width, always. Verse breaks earlier and begins lines with
capitals; lists, tables and code begin lines with marks; unwrapped prose has no such breaks. In a
text that is wrapped, each line is joined to the next only if it is full in that sense.

Covers text with and without blank lines between paragraphs, text with a blank line after every
line, and text of which a part is wrapped. Does not mend hyphens that were lost, and leaves a
hyphen where a word may need it.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from prosa.data.names import word_set

_LEAST_LINES = 3
_NARROWEST, _WIDEST = 50, 135
# Shares among the pairs of lines that are not far longer than the width. Measured on the corpus:
# wrapped documents have over 0.4 broken sentences, verse and plays under 0.1.
_BROKEN_SHARE = 0.25
# Of the broken lines, the share that is near the width; in wrapped prose nearly all are.
_NEAR_WIDTH = 0.8
_LOW, _HIGH = 0.85, 1.2

_SENTENCE_END = re.compile(r"(?:[.!?:;…][\"'”’»)\]*_]*|[`|])$")
# Lines that begin something of their own: items, headings, tables, code, speech, labels.
_NEW_ITEM = re.compile(
    r"\s{2,}|\t|[-–—―•·*+>|#=~^%]+(?:\s|$)|[-–—―•|>#=]|\[|<|`|\.\.\s|:\w+:|[A-ZÀ-Þ][^\W\d]*: |§"
    r"|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,6})[.)ºª°]\s"
    r"|(?i:art|cap[ií]tulo|chapter|parte|livro|canto|cena|ato)\b[.\s]*[\dIVXLC]"
)
_LOWER = re.compile(r"[a-zà-öø-ÿ]")
# Words that no line of verse, title or list item ends with, nor a sentence.
_DANGLING = word_set(
    "a à ao aos às as o os um uma de do da dos das em no na nos nas e ou que com por para pelo pela"
    " pelos pelas the of in on at to and or for with by an from"
)
# No half of a word has more letters; to look further takes quadratic time in a run of letters.
_LONGEST = 40
_HYPHEN = re.compile(r"(\w+)-$")
_WORD = re.compile(r"\w+")
_COMPOUND = re.compile(r"\b\w+(?:-\w+)+")
# What follows a hyphen in a Portuguese verb form: "disse-lhe", "tê-lo", "far-se-ia".
_CLITICS = word_set(
    "me te se lhe lhes nos vos o a os as lo la los las no na nas ei ás á emos eis ão ia iam"
)


class _State(IntEnum):
    """How a line stands to the next."""

    APART = 0
    BROKEN = 1  # a sentence goes on
    OPEN = 2  # it may go on: what follows begins with a capital


class _Border(NamedTuple):
    """Between a line and the next: how they stand, the line's length, and that with a word more."""

    state: _State
    length: int
    taken: int


def unwrap(text: str) -> str:
    """Join the lines of a text that was wrapped at a fixed width; any other stays as it is."""
    if text.count("\n") < _LEAST_LINES - 1:
        return text
    lines = text.split("\n")
    if 2 * max(map(len, lines)) + 1 < _NARROWEST:
        return text
    filled = [line for line in lines if line]
    spaced = len(filled) > _LEAST_LINES and len(lines) >= 1.8 * len(filled)
    if spaced:
        lines = filled
    borders = [_border(line, following) for line, following in pairwise(lines)]
    room, widest = _room(borders)
    return _joined(lines, borders, room, widest, spaced=spaced) if room else text


def _border(line: str, following: str) -> _Border:
    if not line or not following or len(line) > _HIGH * _WIDEST or _NEW_ITEM.match(following):
        return _Border(_State.APART, 0, 0)
    length = len(line)
    taken = length + 1 + len(following.split(" ", 1)[0])
    ended = _SENTENCE_END.search(line, max(0, length - 8))
    if not ended and (_LOWER.match(following) or line.rsplit(" ", 1)[-1].lower() in _DANGLING):
        return _Border(_State.APART if line[0] in "#|" else _State.BROKEN, length, taken)
    return _Border(_State.APART if line.isupper() else _State.OPEN, length, taken)


_by_taken = attrgetter("taken")


def _room(borders: Sequence[_Border]) -> tuple[int, int]:
    """How long a line and the word after it are where that word found no room.

    Returns:
        The least such length, and the length from which a line is not a wrapped one; both 0 where
        the text was not wrapped.
    """
    broken = sorted((one for one in borders if one.state is _State.BROKEN), key=_by_taken)
    if not broken:
        return 0, 0
    width = broken[len(broken) // 2].taken
    near = [one for one in broken if _LOW * width <= one.taken <= _HIGH * width]
    narrow = sum(0 < one.taken <= _HIGH * width for one in borders)
    wrapped = (
        _NARROWEST <= width <= _WIDEST
        and len(near) >= _NEAR_WIDTH * len(broken)
        and len(near) >= _BROKEN_SHARE * narrow
    )
    if not wrapped:
        return 0, 0
    # Where the evidence is scarce, its least is still too much to ask of every line.
    longest = max(one.length for one in near)
    return min(near[len(near) // 20].taken, longest + 1), round(_HIGH * width)


def _joined(
    lines: Sequence[str], borders: Sequence[_Border], room: int, widest: int, *, spaced: bool
) -> str:
    gap = "\n\n" if spaced else "\n"
    broken = [one.state is _State.BROKEN and _LOW * room <= one.taken <= widest for one in borders]
    broken.append(False)
    hyphens = _Hyphens(lines)
    parts = [lines[0]]
    joins = False
    for number, one in enumerate(borders):
        # A full line before a capital goes on only amid lines that are wrapped for certain.
        amid = joins or broken[number + 1]
        full = one.state is _State.OPEN and room <= one.taken <= widest
        joins = broken[number] or (full and amid and not _closes(lines[number], spaced=spaced))
        if joins:
            parts[-1:] = hyphens.glued(parts[-1], lines[number + 1].lstrip())
        else:
            parts += [gap, lines[number + 1]]
    return "".join(parts)


def _closes(line: str, *, spaced: bool) -> bool:
    """Whether a full line ends a paragraph; where every line has a gap behind it, a dot does."""
    return spaced and bool(_SENTENCE_END.search(line))


class _Hyphens:
    """Hyphens at the ends of lines: whether they divide a word or belong to it.

    The text itself tells: a word that stands whole elsewhere was divided, one that has its hyphen
    elsewhere has it here. Where neither shows, the hyphen goes only in a text that divides words.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def glued(self, before: str, after: str) -> list[str]:
        """Two lines as the parts of one."""
        half = _HYPHEN.search(before, max(0, len(before) - _LONGEST))
        if not half:
            return [before, " ", after]
        divided = self._divided(half[1], _WORD.match(after))
        return [before[:-1] if divided else before, after]

    def _divided(self, one: str, other: re.Match[str] | None) -> bool:
        if not other or not _LOWER.match(other[0]) or other[0].lower() in _CLITICS:
            return False
        if (one + other[0]).lower() in self._words:
            return True
        return f"{one}-{other[0]}".lower() not in self._words and self._divides

    @cached_property
    def _words(self) -> frozenset[str]:
        """All words of the text, those with hyphens whole and in parts."""
        words: set[str] = set()
        for line in self._lines:
            words.update(_WORD.findall(line.lower()))
            if "-" in line:
                words.update(_COMPOUND.findall(line.lower()))
        return frozenset(words)

    @cached_property
    def _divides(self) -> bool:
        """Whether words that stand whole elsewhere are divided at the ends of lines."""
        halves = [
            (half[1] + other[0]).lower()
            for line, following in pairwise(self._lines)
            if (half := _HYPHEN.search(line, max(0, len(line) - _LONGEST)))
            and (other := _WORD.match(following))
        ]
        return sum(word in self._words for word in halves) >= max(2, 0.1 * len(halves))

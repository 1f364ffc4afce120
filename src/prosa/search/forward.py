"""Passages as numbers: which words stand in which sentence of which passage, in order.

`ForwardBuilder` collects passages; `Forward` is what it gives, in memory or memory-mapped. From it
alone everything that is searched is made, so an index that changes keeps what it knows of the rest.
"""

from array import array
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from prosa.search.passages import Passage, sentences
from prosa.search.terms import blank, written
from prosa.search.vocabulary import Ids, Vocabulary


class Unit(IntEnum):
    """What a unit of a passage is."""

    SENTENCE = 0
    WORDING = 1
    HEADING = 2


@dataclass(frozen=True)
class Forward:
    """Passages, units and tokens.

    Attributes:
        tokens: Every token in order (see `vocabulary`), uint32 [tokens].
        unit_tokens: The first token of each unit, and the count of all, uint32 [units + 1].
        unit_kinds: What each unit is, a `Unit`, uint8 [units].
        unit_spans: Of a sentence its start and end in the text, of a wording its place among
            them, uint32 [units, 2].
        passage_units: The first unit of each passage, and the count of all, uint32 [passages + 1].
        passage_sections: The section each passage belongs to (what stands under one outermost
            heading of one document), uint32 [passages].
    """

    tokens: Ids
    unit_tokens: Ids
    unit_kinds: npt.NDArray[np.uint8]
    unit_spans: Ids
    passage_units: Ids
    passage_sections: Ids

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return len(self.passage_units) - 1

    @property
    def passage_tokens(self) -> Ids:
        """The first token of each passage, and the count of all, uint32 [passages + 1]."""
        return self.unit_tokens[self.passage_units]


class ForwardBuilder:
    """Collects passages as numbers; sections are numbered on from those of `old`."""

    def __init__(self, vocabulary: Vocabulary, old: Forward | None = None) -> None:
        self.vocabulary = vocabulary
        self._next_section = int(old.passage_sections.max(initial=0)) + 1 if old else 0
        self._headings: dict[str, int] = {}
        self._tokens = array("I")
        self._unit_tokens = array("I", [0])
        self._unit_kinds = array("B")
        self._unit_spans = array("I")
        self._passage_units = array("I", [0])
        self._sections = array("I")
        self._parts = (
            *(self._tokens, self._unit_tokens, self._unit_kinds, self._unit_spans),
            *(self._passage_units, self._sections),
        )
        self.begin()

    def begin(self) -> None:
        """A document begins: `take_back` goes back to here."""
        self._lengths = [len(part) for part in self._parts]
        self._words = len(self.vocabulary)
        self._next_section += len(self._headings)
        self._headings = {}

    def take_back(self) -> None:
        """Take out what was added since the document began."""
        for part, length in zip(self._parts, self._lengths, strict=True):
            del part[length:]
        self.vocabulary.shorten(self._words)

    def add(self, passage: Passage) -> None:
        """Add a passage of the document."""
        for number, wording in enumerate(passage.wordings):
            self._unit(Unit.WORDING, number, 0, written(wording))
        if passage.place.heading:
            self._unit(Unit.HEADING, 0, 0, written(passage.place.heading))
        blanked = blank(passage.text)
        for start, end in sentences(passage.text):
            words = blanked[start:end].split() if blanked else written(passage.text[start:end])
            self._unit(Unit.SENTENCE, start, end, words)
        self._passage_units.append(len(self._unit_kinds))
        heading = passage.place.heading.split(" > ", 1)[0]
        section = self._headings.setdefault(heading, len(self._headings))
        self._sections.append(self._next_section + section)

    def _unit(self, kind: Unit, start: int, end: int, words: list[str]) -> None:
        """Add a unit: what it is, its two numbers of `Forward.unit_spans`, and its words."""
        self._tokens.extend(self.vocabulary.tokens(words))
        self._unit_tokens.append(len(self._tokens))
        self._unit_kinds.append(kind)
        self._unit_spans.extend((start, end))

    def finish(self) -> Forward:
        """What was collected."""
        return Forward(
            np.asarray(self._tokens, np.uint32),
            np.asarray(self._unit_tokens, np.uint32),
            np.asarray(self._unit_kinds, np.uint8),
            np.asarray(self._unit_spans, np.uint32).reshape(-1, 2),
            np.asarray(self._passage_units, np.uint32),
            np.asarray(self._sections, np.uint32),
        )


def selected(forward: Forward, keep: npt.NDArray[np.bool_]) -> Forward:
    """The passages that `keep`, bool [passages], says."""
    units_kept = np.repeat(keep, np.diff(forward.passage_units))
    tokens_kept = np.repeat(units_kept, np.diff(forward.unit_tokens))
    return Forward(
        forward.tokens[tokens_kept],
        _starts(np.diff(forward.unit_tokens)[units_kept]),
        forward.unit_kinds[units_kept],
        forward.unit_spans[units_kept],
        _starts(np.diff(forward.passage_units)[keep]),
        forward.passage_sections[keep],
    )


def joined(first: Forward, second: Forward) -> Forward:
    """The passages of two parts, one after the other."""
    return Forward(
        np.append(first.tokens, second.tokens),
        np.append(first.unit_tokens, second.unit_tokens[1:] + first.unit_tokens[-1]),
        np.append(first.unit_kinds, second.unit_kinds),
        np.append(first.unit_spans, second.unit_spans, axis=0),
        np.append(first.passage_units, second.passage_units[1:] + first.passage_units[-1]),
        np.append(first.passage_sections, second.passage_sections),
    )


def ranges(starts: Ids, lengths: Ids) -> npt.NDArray[np.int64]:
    """The numbers from each start on, as many as each length says, one after another."""
    counts = lengths.astype(np.int64)
    ends = np.cumsum(counts)
    first = starts.astype(np.int64) - (ends - counts)
    result: npt.NDArray[np.int64] = np.repeat(first, counts)
    return result + np.arange(len(result), dtype=np.int64)


def _starts(lengths: npt.NDArray[np.integer]) -> Ids:
    result = np.zeros(len(lengths) + 1, np.uint32)
    np.cumsum(lengths, out=result[1:])
    return result

"""Where the passages of an index are kept: what a folder and a PostgreSQL database both do.

A store finds passages by their words and by their vectors, and gives their texts; it ranks nothing,
so that both give the same answers. What a run writes becomes visible all at once, with `commit`.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from prosa.search.passages import Count, Passage, Place
from prosa.search.terms import Analyzer

FORMAT = 4
"""The version of what is kept; an index of another one is refused."""

TEXT = 0xFFFF
"""The unit of a passage's own text; its wordings are units 0, 1, 2..."""


@dataclass(frozen=True)
class Entry:
    """A document in an index (see `documents.Document`); `number` is never given twice."""

    number: int
    key: str
    name: str
    root: str
    digest: str
    passages: int = 0


@dataclass(frozen=True)
class Row:
    """A passage in an index; `source` is the name of its document, `id` is never given twice."""

    id: int
    source: str
    passage: Passage


@dataclass(frozen=True)
class Settings:
    """What an index knows besides its passages.

    `encoder` is "" where none was installed, "none" where none is wanted. `background` is the mean
    and the spread of the likeness of passages that have nothing to do with each other, None until
    all passages are encoded. `learned` is what its own questions taught (see `learn`), None before
    they were asked.
    """

    language: str = ""
    encoder: str = ""
    filters: tuple[str, ...] = ()
    learned: dict[str, Any] | None = None
    background: tuple[float, float] | None = None
    format: int = FORMAT


@dataclass(frozen=True)
class Vectors:
    """Vectors of passages, of length 1: [N] ids, [N] units, float32 [N, dimensions]."""

    ids: npt.NDArray[np.uint32]
    units: npt.NDArray[np.uint16]
    values: npt.NDArray[np.float32]


class Writer(Protocol):
    """Changes an index; nothing of it is seen before `commit`."""

    def add(self, entry: Entry, passages: Iterable[Passage], analyzer: Analyzer) -> int:
        """Add a document; where its passages raise, nothing of it stays. Returns their count."""

    def remove(self, entries: Iterable[Entry]) -> None:
        """Take documents out, with all that belongs to them."""

    def commit(self, settings: Settings) -> None:
        """Make the new state the current one, for good."""

    def add_vectors(self, vectors: Vectors) -> None:
        """Add all vectors of some passages; these are seen, and last, at once."""


class Store(Protocol):
    """The passages of an index as they are now."""

    place: str
    settings: Settings
    passages: int

    def entries(self) -> list[Entry]:
        """Its documents."""

    def find(self, words: Mapping[str, Mapping[str, float]], limit: int) -> list[int]:
        """The ids of the passages that hold most of some words, the best first.

        Args:
            words: What each counts for, by field: "stems" and "pieces".
            limit: How many passages at most.
        """

    def nearest(self, vector: npt.NDArray[np.float32], limit: int) -> list[int]:
        """The ids of the passages that have a vector nearest to one."""

    def holding(self, field: str, words: Sequence[str]) -> list[int]:
        """How many passages hold each of some words."""

    def rows(self, ids: Sequence[int]) -> list[Row]:
        """The passages of some ids; those that are gone are left out."""

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """All vectors of some passages."""

    def ids(self) -> list[int]:
        """The ids of all passages, in the order they came."""

    def without_vectors(self) -> list[int]:
        """The ids of the passages that have none."""

    def writing(self) -> AbstractContextManager[Writer]:
        """Hold the index for writing; a run that fails, or is killed, leaves the last commit.

        Raises:
            ProsaError: Another run holds it.
        """

    def reload(self) -> None:
        """See what was committed since."""


def to_json(passage: Passage) -> dict[str, Any]:
    """A passage as a store keeps it."""
    place = passage.place
    return {
        "text": passage.text,
        "wordings": list(passage.wordings),
        "place": [str(place.count), place.number, place.heading],
    }


def from_json(value: Mapping[str, Any]) -> Passage:
    """The passage that `to_json` wrote."""
    count, number, heading = value["place"]
    return Passage(value["text"], Place(Count(count), number, heading), tuple(value["wordings"]))


def settings_of(value: Mapping[str, Any]) -> Settings:
    """Settings from JSON."""
    background = value["background"]
    return Settings(
        value["language"],
        value["encoder"],
        tuple(value["filters"]),
        value["learned"],
        (background[0], background[1]) if background else None,
        value["format"],
    )

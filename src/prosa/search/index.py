"""An index: build one, open one, search in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.data.filters import parse
from prosa.errors import InputError, ProsaError
from prosa.i18n import _
from prosa.search import building, learn, manifest
from prosa.search.building import Progress
from prosa.search.changes import IndexReport
from prosa.search.encoder import Encoder
from prosa.search.manifest import Manifest
from prosa.search.passages import Passage
from prosa.search.rank import chances
from prosa.search.search import Ranking, Searcher
from prosa.search.store import Arrays, Texts, load_arrays
from prosa.search.terms import Analyzer, languages


@dataclass(frozen=True)
class Hit:
    """A passage that was found.

    Attributes:
        source: Its document, as the person named it.
        location: Where in it the passage begins, in the person's language.
        text: The passage; of a pair the answer.
        score: The chance, from 0 to 1, that it answers the question better than the other
            passages; that any of them does is not said.
        place: Its place in the index.
    """

    source: str
    location: str
    text: str
    score: float
    passage: Passage
    place: int


def build(
    sources: Any,
    output: str | Path,
    *,
    remove: Sequence[str | Path] = (),
    language: str | None = None,
    encoder: str | Encoder | None = None,
    filters: Sequence[str] = (),
    progress: Progress | None = None,
) -> "Index":
    """Make an index of documents, or bring one up to date: `prosa.index` says of what.

    Documents whose content is the same are not read again; those that have changed are replaced;
    those that a source no longer holds are removed; those of other sources stay. Until the end the
    old state stays current, also where the run is killed.

    Returns:
        The index; `report` says what was done.

    Raises:
        InputError: A source does not exist or cannot be read, the output is something else, or the
            index has another language, encoder or filter, or is of an older version.
        ProsaError: The disk is full, or another run is at work on the index.
    """
    if language is not None and language not in languages():
        raise InputError(
            _("There is no stemmer for the language '{name}'").format(name=language),
            expected=", ".join(languages()),
        )
    parse(filters)  # a fault in them is said before anything is read
    folder = Path(output).expanduser()
    if encoder is None and (folder / manifest.NAME).exists():
        encoder = manifest.read(folder).encoder
    loaded = Encoder(encoder) if isinstance(encoder, str) and encoder else encoder or None
    report = building.build(
        list(sources) if _are_sources(sources) else [sources],
        folder,
        without=remove,
        language=language,
        encoder=loaded,
        filters=filters,
        progress=progress,
    )
    return open_index(folder, encoder=loaded, report=report)


def open_index(
    path: str | Path, *, encoder: Encoder | None = None, report: IndexReport | None = None
) -> "Index":
    """Open an index.

    Raises:
        InputError: There is no index, it may not be read, or another version of prosa made it.
        ProsaError: It is damaged.
    """
    folder = Path(path).expanduser()
    state = manifest.read(folder)
    while True:
        try:
            # All at once: what is mapped stays readable when a later run clears it away.
            place = folder / state.arrays
            return Index(folder, state, load_arrays(place), Texts(place), encoder, report)
        except ProsaError:
            before, state = state, manifest.read(folder)
            if state.build == before.build:
                raise


@dataclass(eq=False)
class Index:
    """Documents that can be searched; `report` is None where it was only opened."""

    folder: Path
    manifest: Manifest
    arrays: Arrays
    texts: Texts
    encoder: Encoder | None
    report: IndexReport | None

    def __len__(self) -> int:
        return self.manifest.passages

    @cached_property
    def searcher(self) -> Searcher:
        """What searches its arrays."""
        state = self.manifest
        encoder = self.encoder or (Encoder(state.encoder) if state.encoder else None)
        ranker = learn.ranker_of(state.learned)
        return Searcher(self.arrays, Analyzer(state.language), ranker, encoder)

    def search(self, question: str, k: int = 10, *, history: Sequence[str] = ()) -> list[Hit]:
        """Find passages for a question.

        Raises:
            InputError: The question is empty.
        """
        return self.hits(self.find(question, history), k)

    def find(self, question: str, history: Sequence[str] = ()) -> Ranking:
        """Rank the passages for a question, without their texts.

        Raises:
            InputError: The question is empty.
        """
        if not question.strip():
            raise InputError(
                _("The question is empty"), expected=_("a question, such as: O que é um token?")
            )
        return self.searcher.find(question, history)

    def hits(self, ranking: Ranking, k: int = 10) -> list[Hit]:
        """The best candidates for a question, with their texts."""
        likely = np.round(chances(ranking.scores)[:k], 4)
        return [
            self._hit(int(place), float(chance))
            for place, chance in zip(ranking.passages[:k], likely, strict=True)
        ]

    def _hit(self, place: int, score: float) -> Hit:
        passage = self.texts.passage(place)
        document = int(np.searchsorted(self._ends, place, "right"))
        name = self.manifest.documents[document].name
        return Hit(name, str(passage.place), passage.text, score, passage, place)

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        return np.cumsum([entry.passages for entry in self.manifest.documents])


def _are_sources(value: Any) -> bool:
    """Whether something is a list of sources rather than one source, such as a list of records."""
    listed = isinstance(value, list | tuple)
    return listed and not any(isinstance(item, dict) for item in value)

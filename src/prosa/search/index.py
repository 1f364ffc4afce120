"""An index: build one, open one, search in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

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
        passage: The passage itself.
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
    """Make an index of documents, or bring one up to date with them.

    Documents whose content is the same are not read again; those that have changed are replaced;
    those that a source no longer holds are removed; those of other sources stay. Until the end the
    old state stays current, also where the run is killed.

    Args:
        sources: One or more of: a file (txt, md, html, pdf, docx, csv, tsv, json, jsonl, parquet),
            a folder, the name of a bundled sample, or what `prosa.data.read` takes.
        output: The folder of the index.
        remove: Documents, files or folders to take out.
        language: The language to stem words in, a name of Snowball's; found out by default.
        encoder: A sentence-transformers model, by folder or hub id, for dense vectors besides.
        filters: What is left out of new documents, such as ["short=3", "offensive"]; an index that
            has filters keeps them.
        progress: Is told of every document before it is read.

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
    some = list(sources) if _are_sources(sources) else [sources]
    folder = Path(output).expanduser()
    known = _known_encoder(folder)
    asked = encoder if encoder is not None else known
    loaded = Encoder(asked) if isinstance(asked, str) and asked else asked or None
    report = building.build(
        some,
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

    Args:
        path: Its folder.
        encoder: Its encoder, where it is loaded already.
        report: What the run that made it did.

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


class Index:
    """Documents that can be searched. Made by `build` and `open_index`.

    Attributes:
        folder: Where it lies.
        manifest: What it says about itself.
        arrays: What is searched in it.
        texts: Its texts.
        report: What the run that made it did; None where it was only opened.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        arrays: Arrays,
        texts: Texts,
        encoder: Encoder | None,
        report: IndexReport | None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.arrays = arrays
        self.texts = texts
        self.report = report
        self._encoder = encoder
        self._ends = np.cumsum([entry.passages for entry in manifest.documents])

    def __len__(self) -> int:
        return self.manifest.passages

    @cached_property
    def searcher(self) -> Searcher:
        """What searches its arrays."""
        encoder = self._encoder
        if encoder is None and self.manifest.encoder:
            encoder = Encoder(self.manifest.encoder)
        return Searcher(
            self.arrays,
            Analyzer(self.manifest.language),
            learn.ranker_of(self.manifest.learned),
            encoder,
        )

    def search(self, question: str, k: int = 10, *, history: Sequence[str] = ()) -> list[Hit]:
        """Find passages for a question.

        Args:
            question: The question, or some words.
            k: How many passages at most.
            history: What was said before it, the latest last.

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
        passage = self.texts.take([place])[0]
        document = int(np.searchsorted(self._ends, place, "right"))
        name = self.manifest.documents[document].name
        return Hit(name, str(passage.place), passage.text, score, passage, place)


def _are_sources(value: Any) -> bool:
    """Whether something is a list of sources rather than one source, such as a list of records."""
    listed = isinstance(value, list | tuple)
    return listed and not any(isinstance(item, dict) for item in value)


def _known_encoder(folder: Path) -> str:
    if not (folder / manifest.NAME).exists():
        return ""
    return manifest.read(folder).encoder

"""An index: build one, open one, search in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from prosa.errors import InputError, ProsaError
from prosa.i18n import _
from prosa.search import arrays, building, learn, manifest
from prosa.search.building import Progress
from prosa.search.embed import Encoder
from prosa.search.manifest import Manifest
from prosa.search.passages import Passage
from prosa.search.plan import Report
from prosa.search.rank import chances
from prosa.search.search import Found, Searcher
from prosa.search.terms import Analyzer, languages
from prosa.search.texts import Texts


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
        progress: Is told of every document before it is read.

    Returns:
        The index; `report` says what was done.

    Raises:
        InputError: A source does not exist or cannot be read, the output is something else, or the
            index is of another language or encoder.
        ProsaError: The disk is full, or another run is at work on the index.
    """
    if language is not None and language not in languages():
        raise InputError(
            _("There is no stemmer for the language '{name}'").format(name=language),
            expected=", ".join(languages()),
        )
    some = list(sources) if _are_sources(sources) else [sources]
    folder = Path(output).expanduser()
    known = _known_encoder(folder)
    asked = encoder if encoder is not None else known
    loaded = Encoder(asked) if isinstance(asked, str) and asked else asked or None
    report = building.build(
        some, folder, without=remove, language=language, encoder=loaded, progress=progress
    )
    return open_index(folder, encoder=loaded, report=report)


def open_index(
    path: str | Path, *, encoder: Encoder | None = None, report: Report | None = None
) -> "Index":
    """Open an index.

    Args:
        path: Its folder.
        encoder: Its encoder, where it is loaded already.
        report: What the run that made it did.

    Raises:
        InputError: There is no index, it may not be read, or a newer prosa made it.
        ProsaError: It is damaged.
    """
    folder = Path(path).expanduser()
    found = manifest.read(folder)
    while True:
        try:
            # All at once: what is mapped stays readable when a later run clears it away.
            place = folder / found.arrays
            return Index(folder, found, arrays.load(place), Texts(place), encoder, report)
        except ProsaError:
            before, found = found, manifest.read(folder)
            if found.build == before.build:
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
        found: arrays.Arrays,
        texts: Texts,
        encoder: Encoder | None,
        report: Report | None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.arrays = found
        self.texts = texts
        self.report = report
        self._encoder = encoder
        self._names = {entry.number: entry.name for entry in manifest.documents}

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

    def search_many(self, questions: Sequence[str], k: int = 10) -> list[list[Hit]]:
        """Find passages for many questions; their texts are read all at once."""
        found = [self.find(question) for question in questions]
        return self.hits_many(found, k)

    def find(self, question: str, history: Sequence[str] = ()) -> Found:
        """Rank the passages for a question, without their texts.

        Raises:
            InputError: The question is empty.
        """
        if not question.strip():
            raise InputError(
                _("The question is empty"), expected=_("a question, such as: O que é um token?")
            )
        return self.searcher.find(question, history)

    def hits(self, found: Found, k: int = 10) -> list[Hit]:
        """The best candidates with their texts."""
        return self.hits_many([found], k)[0]

    def hits_many(self, found: Sequence[Found], k: int = 10) -> list[list[Hit]]:
        """The best candidates of several questions with their texts."""
        places = [int(place) for one in found for place in one.passages[:k]]
        wanted = sorted(set(places))
        texts = dict(zip(wanted, self.texts.take(wanted), strict=True))
        return [
            [
                self._hit(int(place), float(chance), *texts[int(place)])
                for place, chance in zip(
                    one.passages[:k], np.round(chances(one.scores)[:k], 4), strict=True
                )
            ]
            for one in found
        ]

    def _hit(self, place: int, score: float, document: int, passage: Passage) -> Hit:
        name = self._names.get(document, "?")
        return Hit(name, str(passage.place), passage.text, score, passage, place)


def _are_sources(value: Any) -> bool:
    """Whether something is a list of sources rather than one source, such as a list of records."""
    listed = isinstance(value, list | tuple)
    return listed and not any(isinstance(one, dict) for one in value)


def _known_encoder(folder: Path) -> str:
    if not (folder / manifest.NAME).exists():
        return ""
    return manifest.read(folder).encoder

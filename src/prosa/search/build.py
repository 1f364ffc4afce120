"""Making an index, and bringing it up to date with its sources: words first, then their meaning."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from prosa import samples
from prosa.data.filters import parse
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search import encoder as encoders
from prosa.search import learn, stores
from prosa.search.changes import Changes, compare, stays
from prosa.search.documents import Document
from prosa.search.encoder import Encoder
from prosa.search.index import Index
from prosa.search.passages import Passage
from prosa.search.store import TEXT, Entry, Row, Settings, Store, Vectors, Writer
from prosa.search.terms import Analyzer, language_of, languages

Progress = Callable[[str, int, int], None]
"""Gets the name of a document, how many were read before it and how many there are; then, under
the name "", how many passages are encoded and how many there are to encode."""

_SAMPLE = 200
_SECONDS = 2.0
"""Seconds of encoding, about, that a killed run loses."""
_UNRELATED = 64
"""Questions that tell how like each other texts are which have little in common."""


def build(
    sources: Any,
    output: str | Path,
    *,
    remove: Sequence[str | Path] = (),
    language: str | None = None,
    encoder: str | Encoder | None = None,
    filters: Sequence[str] = (),
    progress: Progress | None = None,
) -> Index:
    """Make an index of documents, or bring one up to date: `prosa.index` says of what.

    Documents whose content is the same are not read again; those that have changed are replaced;
    those that a source no longer holds are removed; those of other sources stay. Words can be
    searched once all documents are read; a run that is killed while it encodes goes on there.

    Returns:
        The index; `report` says what was done.

    Raises:
        InputError: A source does not exist or cannot be read, the output is something else, or the
            index has another language or filter, or is of an older version.
        ProsaError: The disk is full, or another run is at work on the index.
    """
    if language is not None and language not in languages():
        raise InputError(
            _("There is no stemmer for the language '{name}'").format(name=language),
            expected=", ".join(languages()),
        )
    parse(filters)  # a fault in them is said before anything is read
    listed = list(sources) if _are_sources(sources) else [sources]
    store = stores.opened(output, new=True)
    if encoder is None or isinstance(encoder, str):
        wanted = store.settings.encoder if encoder in (None, "auto") else encoder
        encoder = encoders.find(wanted or "auto")
    else:
        wanted = encoder.name
    _refuse_others(store, language, filters)
    with store.writing() as writer:
        changes = compare(listed, remove, store.entries())
        settings = replace(
            store.settings,
            language=store.settings.language or language or _language(changes.fresh),
            encoder=encoder.name if encoder else "none" if wanted == "none" else "",
            filters=store.settings.filters or tuple(filters),
        )
        run = _Run(store, writer, changes, settings, encoder, progress or (lambda *_: None))
        run.read()
        index = Index(store, encoder, changes.report)
        run.encode()
        run.learn(index)
    return index


class _Run:
    """One run over an index that is held for writing."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        changes: Changes,
        settings: Settings,
        encoder: Encoder | None,
        progress: Progress,
    ) -> None:
        self.store = store
        self.writer = writer
        self.changes = changes
        self.report = changes.report
        self.encoder = encoder
        self.progress = progress
        self.settings = settings
        self.filters = parse(self.settings.filters)
        self.replaced = {entry.key: entry for entry in changes.gone}
        self.left = sum(entry.passages for entry in changes.kept)

    def read(self) -> None:
        """Read what is new and make it the current state, without its meaning."""
        changes, fresh = self.changes, {document.key for document in self.changes.fresh}
        if not changes.fresh and not changes.gone and self.settings == self.store.settings:
            return
        analyzer = Analyzer(self.settings.language)
        self.writer.remove(entry for entry in changes.gone if entry.key not in fresh)
        for number, document in enumerate(changes.fresh):
            self.progress(document.name, number, len(changes.fresh))
            filtered: Counter[str] = Counter()
            entry = Entry(0, document.key, document.name, document.root, document.digest)
            try:
                passages = self._filter(document.passages(), filtered)
                self.left += self.writer.add(entry, passages, analyzer)
            except InputError as error:
                self._skip(document, error)
                continue
            self.report.filtered.update(filtered)
            if document.key in self.replaced:
                self.writer.remove([self.replaced[document.key]])
        self._refuse_nothing()
        self.settings = replace(self.settings, learned=None, background=None)
        self.writer.commit(self.settings)

    def encode(self) -> None:
        """Encode the passages that have no vectors yet."""
        if self.encoder is None:
            return
        waiting = self.store.without_vectors()
        done, count = 0, 16
        while done < len(waiting):
            self.progress("", done, len(waiting))
            rows = self.store.rows(waiting[done : done + count])
            start = time.perf_counter()
            self.writer.add_vectors(_encoded(rows, self.encoder))
            done += count
            seconds = time.perf_counter() - start
            count = max(16, min(2 * count, int(count * _SECONDS / max(seconds, 1e-3))))
        self.report.encoded = len(waiting)
        if waiting or self.settings.background is None:
            self.settings = replace(
                self.settings, background=_background(self.encoder), learned=None
            )

    def learn(self, index: Index) -> None:
        """Ask the index its own questions, where it has changed."""
        if self.settings.learned is not None:
            return
        self.store.settings = self.settings
        learned = learn.learn(index)
        self.settings = replace(self.settings, learned=learned)
        self.writer.commit(self.settings)

    def _filter(self, passages: Iterator[Passage], filtered: Counter[str]) -> Iterator[Passage]:
        """The passages that no filter leaves out; the others are counted by reason."""
        for passage in passages:
            reason = self.filters.reason(passage.full_text) if self.filters.active else None
            if reason is None:
                yield passage
            else:
                filtered[reason] += 1

    def _skip(self, document: Document, error: InputError) -> None:
        """Pass over a document that cannot be read, unless it is all there is."""
        if len(self.changes.fresh) == 1 and not self.changes.kept and not self.replaced:
            raise error
        why = str(error)
        if document.key in self.replaced:
            if _may_pass(error):
                self.left += self.replaced[document.key].passages
                self.report.kept.append(document.name)
                why = stays(why)
            else:
                self.writer.remove([self.replaced[document.key]])
        self.report.skipped[document.name] = why

    def _refuse_nothing(self) -> None:
        """Refuse a state without any passage."""
        report, skipped = self.report, self.report.skipped
        for names in (report.added, report.replaced):
            names[:] = [name for name in names if name not in skipped]
        if report.filtered and not self.left:
            raise InputError(
                _("The filters leave nothing: all {n} passages are dropped").format(
                    n=sum(report.filtered.values())
                ),
                hint=_("Filter less, or by other values"),
            )
        if skipped and not self.left:
            name, why = next(iter(skipped.items()))
            raise InputError(
                _("None of {n} documents could be read; the first: {why}").format(
                    n=len(skipped), why=why
                ),
                path=None if name in why else name,
            )


def _language(fresh: Sequence[Document]) -> str:
    """The language of the first passages of some documents."""
    texts: list[str] = []
    for document in fresh:
        try:
            texts += (one.text for one in islice(document.passages(), _SAMPLE - len(texts)))
        except InputError:
            continue  # said when it is read
        if len(texts) >= _SAMPLE:
            break
    return language_of(texts) or "portuguese"


def _encoded(rows: Sequence[Row], encoder: Encoder) -> Vectors:
    """The vectors of some passages: one of each wording, one of the text."""
    asked = [(row.id, n, text) for row in rows for n, text in enumerate(row.passage.wordings)]
    parts = [(asked, encoder.encode_queries)] if asked else []
    parts.append(([(row.id, TEXT, row.passage.text) for row in rows], encoder.encode_passages))
    ids = [one for units, _encode in parts for one, _unit, _text in units]
    numbers = [unit for units, _encode in parts for _one, unit, _text in units]
    values = [encode([text for _one, _unit, text in units]) for units, encode in parts]
    order = np.argsort(ids, kind="stable")  # all of a passage together
    return Vectors(
        np.asarray(ids, np.uint32)[order],
        np.asarray(numbers, np.uint16)[order],
        np.concatenate(values)[order],
    )


def _background(encoder: Encoder) -> tuple[float, float]:
    """The mean and the spread of the likeness of texts that have little to do with each other.

    Of questions of the bundled sample, the same for every index: three passages say nothing of it.
    """
    first = {row["answer"]: row["question"] for row in samples.rows("perguntas")}
    vectors = encoder.encode_queries(list(first.values())[:_UNRELATED])
    likeness = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return round(float(likeness.mean()), 4), round(float(likeness.std()) + 1e-4, 4)


def _refuse_others(store: Store, language: str | None, filters: Sequence[str]) -> None:
    """Refuse what an index cannot change once it is made."""
    old = store.settings
    for what, made_with, wanted in (
        ("language", old.language, language),
        ("filter", ",".join(old.filters), ",".join(filters)),
    ):
        if store.passages and wanted and made_with != wanted:
            raise InputError(
                _("This index was made with {what} '{old}', not '{new}'").format(
                    what=what, old=made_with or "-", new=wanted
                ),
                path=store.place,
                hint=_("Build another index in a new folder"),
            )


def _may_pass(error: InputError) -> bool:
    """Whether the system was at fault, such as a disk or a network share, and not the document."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    # What unpacks files raises errors of the system without a number where a file is torn.
    return cause is not None and cause.errno is not None


def _are_sources(value: Any) -> bool:
    """Whether something is a list of sources rather than one source, such as a list of records."""
    listed = isinstance(value, list | tuple)
    return listed and not any(isinstance(item, dict) for item in value)

"""Making an index and bringing it up to date, so that it is never half-built.

Whatever is written lies in a folder of its own until the manifest that names it is renamed. A run
that is killed at any moment leaves the old state, or the new one, and the next run clears away what
it left.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.data.filters import parse
from prosa.errors import InputError
from prosa.files import free_place, full_disk_said, remove
from prosa.i18n import _
from prosa.search import forward, inverted, learn, manifest, store
from prosa.search.changes import Changes, IndexReport, compare, stays
from prosa.search.documents import Document
from prosa.search.encoder import Encoder
from prosa.search.forward import Forward, ForwardBuilder
from prosa.search.manifest import Entry, Manifest, locked
from prosa.search.passages import Passage
from prosa.search.store import Arrays, Texts, TextWriter
from prosa.search.terms import Analyzer, guess_language
from prosa.search.vocabulary import Vocabulary

Progress = Callable[[str, int, int], None]
"""Gets the name of a document, how many were read before it and how many there are."""

_ARRAYS = "arrays-"
_SAMPLE = 200
_AT_ONCE = 64


def build(
    sources: Sequence[Any],
    output: str | Path,
    *,
    without: Sequence[str | Path] = (),
    language: str | None = None,
    encoder: Encoder | None = None,
    filters: Sequence[str] = (),
    progress: Progress | None = None,
) -> IndexReport:
    """Make an index, or bring one up to date. `index.build` describes it."""
    target = Path(os.path.abspath(Path(output).expanduser()))  # noqa: PTH100  a link stays a link
    asked = Manifest(
        language or "", encoder=encoder.name if encoder else "", filters=tuple(filters)
    )
    while True:
        new = not (target / manifest.NAME).exists()
        folder = _new_folder(target) if new else target
        with locked(folder, target) as held:
            # Another first run may have finished, or failed, since we looked.
            if not held or new == (target / manifest.NAME).exists():
                if new and held:
                    remove(folder)
                continue
            if not new:
                old = manifest.read(target)
                _refuse_others(old, asked, target)
                return _Run(target, compare(sources, without, old), encoder, progress).run()
            try:
                _clear(folder)
                report = _Run(folder, compare(sources, without, asked), encoder, progress).run()
                folder.rename(target)
            except BaseException:
                remove(folder)
                raise
            manifest.sync(target.parent)
            return report


def _new_folder(target: Path) -> Path:
    """The folder that a first run works in, beside the place of the index."""
    empty = target.is_dir() and not any(target.iterdir())
    if target.exists() and not empty:
        raise InputError(
            _("There is something here already, and it stays as it is"),
            path=target,
            hint=_("Give the name of a new folder with -o"),
        )
    free_place(target, overwrite=empty)
    folder = target.with_name(f".{target.name}.partial")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Run:
    """One run over an index folder that is locked."""

    def __init__(
        self,
        folder: Path,
        changes: Changes,
        encoder: Encoder | None,
        progress: Progress | None,
    ) -> None:
        self.folder = folder
        self.old = changes.old
        self.fresh = changes.fresh
        self.kept = set(changes.kept)
        self.replaced = {entry.key: entry for entry in changes.gone}
        self.unchanged = bool(self.old.build) and not (changes.fresh or changes.gone)
        self.report = changes.report
        self.encoder = encoder
        self.filters = parse(self.old.filters)
        self.progress = progress or (lambda *_: None)
        self.entries: list[Entry] = []
        self.vectors: list[npt.NDArray[np.float16]] = []

    def run(self) -> IndexReport:
        self.report.passages = self.old.passages
        if self.unchanged:
            return self.report
        place = self.folder / f"{_ARRAYS}{self.old.build + 1}"
        remove(place)
        with full_disk_said(self.folder):
            try:
                place.mkdir()
                new = self._write(place)
            except Exception:
                remove(place)  # what filled the disk goes at once
                raise
            manifest.write(self.folder, new)
        self.report.passages = new.passages
        _clear(self.folder, keep=new.arrays)
        return self.report

    def _write(self, place: Path) -> Manifest:
        """Write the new state into a folder of its own."""
        before = self.folder / self.old.arrays
        old = store.load_arrays(before) if self.old.build else None
        analyzer = Analyzer(self.old.language or guess_language(self._sample()))
        vocabulary = Vocabulary(analyzer, old.words if old else ())
        builder = ForwardBuilder(vocabulary, old.forward if old else None)
        with TextWriter(place) as texts:
            self._read_all(builder, texts)
            # Known only now: what cannot be read for a moment stays as it was.
            keep = self._keep()
            if old is not None:
                texts.copy(Texts(before), keep)
        arrays = self._arrays(builder.finish(), vocabulary, old, keep)
        learned = learn.learn(arrays, analyzer, Texts(place).wordings(), self.encoder)
        store.save_arrays(arrays, place)
        kept = [entry for entry in self.old.documents if entry in self.kept]
        return replace(
            self.old,
            language=analyzer.language,
            build=self.old.build + 1,
            arrays=place.name,
            documents=(*self.entries, *kept),
            learned=learned,
        )

    def _sample(self) -> Iterator[str]:
        """Texts to find out the language from."""
        rest = _SAMPLE
        for document in self.fresh:
            try:
                for passage in islice(document.passages(), rest):
                    rest -= 1
                    yield passage.text
            except InputError:
                continue  # said when it is read
            if not rest:
                return

    def _read_all(self, builder: ForwardBuilder, texts: TextWriter) -> None:
        for number, document in enumerate(self.fresh):
            self.progress(document.name, number, len(self.fresh))
            vectors = len(self.vectors)
            builder.begin()
            texts.begin()
            filtered: Counter[str] = Counter()
            try:
                count = self._read(document, builder, texts, filtered)
            except InputError as error:
                # Nothing of it stays, however late the fault came.
                builder.take_back()
                texts.take_back()
                del self.vectors[vectors:]
                self._skip(document, error)
                continue
            self.report.filtered.update(filtered)
            self.entries.append(
                Entry(document.key, document.name, document.root, document.digest, count)
            )
        skipped = self.report.skipped
        for names in (self.report.added, self.report.replaced):
            names[:] = [name for name in names if name not in skipped]
        left = sum(entry.passages for entry in (*self.entries, *self.kept))
        if self.report.filtered and not left:
            raise InputError(
                _("The filters leave nothing: all {n} passages are dropped").format(
                    n=sum(self.report.filtered.values())
                ),
                hint=_("Filter less, or by other values"),
            )
        if skipped and not self.entries and not self.kept:
            name, why = next(iter(skipped.items()))
            raise InputError(
                _("None of {n} documents could be read; the first: {why}").format(
                    n=len(skipped), why=why
                ),
                path=None if name in why else name,
            )

    def _read(
        self,
        document: Document,
        builder: ForwardBuilder,
        texts: TextWriter,
        filtered: Counter[str],
    ) -> int:
        """Read a document; returns how many passages of it are in the index."""
        count = 0
        source = self._filter(document.passages(), filtered)
        while passages := list(islice(source, _AT_ONCE)):
            for passage in passages:
                builder.add(passage)
            texts.add(passages)
            if self.encoder is not None:
                vectors = self.encoder.encode_passages([passage.full_text for passage in passages])
                self.vectors.append(vectors.astype(np.float16))
            count += len(passages)
        return count

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
        if len(self.fresh) == 1 and not self.kept and document.key not in self.replaced:
            raise error
        why = str(error)
        if document.key in self.replaced and _may_pass(error):
            self.kept.add(self.replaced[document.key])
            self.report.kept.append(document.name)
            why = stays(why)
        self.report.skipped[document.name] = why

    def _keep(self) -> npt.NDArray[np.bool_]:
        """Which of the old passages stay, [old passages]."""
        flags = [entry in self.kept for entry in self.old.documents]
        counts = [entry.passages for entry in self.old.documents]
        return np.repeat(np.asarray(flags, np.bool_), np.asarray(counts, np.int64))

    def _arrays(
        self,
        new: Forward,
        vocabulary: Vocabulary,
        old: Arrays | None,
        keep: npt.NDArray[np.bool_],
    ) -> Arrays:
        vectors = self.vectors
        if old is not None:
            new = forward.joined(new, forward.selected(old.forward, keep))
            vectors = [*vectors, old.vectors[keep]] if old.vectors is not None else vectors
        return Arrays(
            new,
            inverted.build(new, vocabulary),
            vocabulary.numbers,
            np.concatenate(vectors) if vectors else None,
        )


def _refuse_others(old: Manifest, asked: Manifest, folder: Path) -> None:
    """Refuse what an index cannot change once it is made."""
    for what, made_with, wanted in (
        ("language", old.language, asked.language),
        ("encoder", old.encoder, asked.encoder),
        ("filter", ",".join(old.filters), ",".join(asked.filters)),
    ):
        if wanted and made_with != wanted:
            raise InputError(
                _("This index was made with {what} '{old}', not '{new}'").format(
                    what=what, old=made_with or "-", new=wanted
                ),
                path=folder,
                hint=_("Build another index in a new folder"),
            )


def _may_pass(error: InputError) -> bool:
    """Whether the system was at fault, such as a disk or a network share, and not the document."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    # What unpacks files raises errors of the system without a number where a file is torn.
    return cause is not None and cause.errno is not None


def _clear(folder: Path, keep: str = "") -> None:
    """Remove what runs that were cut off have left."""
    for left in folder.iterdir():
        ours = left.name.startswith(_ARRAYS) or left.name.endswith(".new") or not keep
        if ours and left.name not in (keep, manifest.LOCK):
            remove(left)

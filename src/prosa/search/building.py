"""Making an index and bringing it up to date, so that it is never half-built.

Whatever is written lies beside what is current until the manifest is renamed: new versions of the
table, new arrays. A run that is killed at any moment leaves the old state, or the new one, and the
next run clears away what it left.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prosa.errors import InputError
from prosa.files import free_place, full_disk_said, remove
from prosa.i18n import _
from prosa.search import arrays as arrays_
from prosa.search import forward, inverted, learn, lock, manifest, texts
from prosa.search.arrays import Arrays
from prosa.search.beside import Change, Writer, writer
from prosa.search.documents import Document
from prosa.search.embed import Encoder
from prosa.search.lock import locked
from prosa.search.manifest import Entry, Manifest
from prosa.search.passages import Passage
from prosa.search.plan import Plan, Report, plan
from prosa.search.table import schema
from prosa.search.terms import Analyzer, guess_language
from prosa.search.vocabulary import Vocabulary

Progress = Callable[[str, int, int], None]
"""Is told the name of a document, how many were read before it and how many there are."""

_ARRAYS = "arrays-"
_STREAMED = 32 << 20
"""Bytes from which a document is not held in memory whole before it is added."""

_SAMPLE = 200
_AT_ONCE = 64


def build(
    sources: Sequence[Any],
    output: str | Path,
    *,
    without: Sequence[str | Path] = (),
    language: str | None = None,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
) -> Report:
    """Make an index, or bring one up to date. `index.build` describes it."""
    target = Path(os.path.abspath(Path(output).expanduser()))  # noqa: PTH100  a link stays a link
    if (target / manifest.NAME).exists():
        with locked(target) as held, full_disk_said(target):
            old = manifest.read(target)
            _same(old, language, encoder, target)
            return _Run(target, plan(sources, without, old), encoder, progress, held).run()
    empty = target.is_dir() and not any(target.iterdir())
    if target.exists() and not empty:
        raise InputError(
            _("There is something here already, and it stays as it is"),
            path=target,
            hint=_("Give the name of a new folder with -o"),
        )
    free_place(target, overwrite=empty)
    partial = target.with_name(f".{target.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    with locked(partial) as held, full_disk_said(partial):
        try:
            _clear(partial)
            old = Manifest(language or "", encoder=encoder.name if encoder else "")
            report = _Run(partial, plan(sources, without, old), encoder, progress, held).run()
            partial.rename(target)
        except BaseException:
            remove(partial)
            raise
        manifest.sync(target.parent)
    return report


class _Run:
    """One run over an index folder that is locked."""

    def __init__(
        self,
        folder: Path,
        plan_: Plan,
        encoder: Encoder | None,
        progress: Progress | None,
        held: int | None,
    ) -> None:
        self.folder = folder
        self.held = held
        self.plan = plan_
        self.encoder = encoder
        self.progress = progress or (lambda *_: None)
        self.report = plan_.report
        self.entries: list[Entry] = []
        self.language = plan_.old.language
        self.vectors: list[npt.NDArray[np.float16]] = []

    def run(self) -> Report:
        old = self.plan.old
        self.report.passages = old.passages
        if old.build and not (self.plan.gone or self.plan.fresh):
            return self.report
        change = Change(
            str(self.folder),
            old.table_version,
            tuple(entry.number for entry in self.plan.gone),
            self.encoder.dimensions if self.encoder else 0,
        )
        with writer(change, _size(self.plan.fresh), self.held) as table:
            new = self._changed(table)
            manifest.write(self.folder, new)
            self.report.passages = new.passages
            table.prune()
        _clear(self.folder, keep=new.arrays)
        return self.report

    def _changed(self, table: Writer) -> Manifest:
        """Write the new state beside the current one."""
        old = self.plan.old
        old_arrays = arrays_.load(self.folder / old.arrays) if old.build else None
        first = self._first()
        self.language = self.language or guess_language(passage.text for passage in first)
        analyzer = Analyzer(self.language)
        vocabulary = Vocabulary(analyzer, old_arrays.words if old_arrays else ())
        numbers = forward.Writer(vocabulary)
        sections = _Sections(old_arrays)
        arrays = f"{_ARRAYS}{old.build + 1}"
        remove(self.folder / arrays)
        (self.folder / arrays).mkdir()
        self._write(table, arrays, self._rows(numbers, sections))
        self._refuse_nothing()
        table.merge()
        made = self._arrays(old_arrays, numbers.finish(), vocabulary)
        learned = learn.learn(made, analyzer, self._wordings(arrays), self.encoder)
        arrays_.save(made, self.folder / arrays)
        return replace(
            old,
            language=self.language,
            build=old.build + 1,
            table_version=table.version(),
            arrays=arrays,
            next_number=old.next_number + len(self.plan.fresh),
            documents=(*self.plan.keep, *self.entries),
            learned=learned,
        )

    def _write(self, table: Writer, arrays: str, rows: Iterator[dict[str, Any]]) -> None:
        """Append rows to the table, and to the texts that stay beside it."""
        columns = schema(self.encoder.dimensions if self.encoder else 0)

        def told() -> Iterator[pa.RecordBatch]:
            if self.plan.old.build:
                before = texts.Texts(self.folder / self.plan.old.arrays)
                yield from texts.selected(before.batches(), self._kept())
            for batch in texts.batched(rows, columns):
                table.add(batch)
                yield batch.select(texts.SCHEMA.names)

        texts.write(self.folder / arrays, told())

    def _wordings(self, arrays: str) -> list[list[str]]:
        """The wordings of each passage."""
        return texts.Texts(self.folder / arrays).wordings()

    def _kept(self) -> npt.NDArray[np.bool_]:
        """Which of the old rows stay."""
        gone = {entry.number for entry in self.plan.gone}
        old = self.plan.old.documents
        flags = np.asarray([entry.number not in gone for entry in old], np.bool_)
        return np.repeat(flags, [entry.passages for entry in old])

    def _first(self) -> list[Passage]:
        """Some passages, where the language is still to be found out."""
        found: list[Passage] = []
        for document in self.plan.fresh if not self.language else ():
            try:
                found += islice(document.passages(), _SAMPLE)
            except InputError:
                continue
            if len(found) >= _SAMPLE:
                break
        return found

    def _rows(self, writer: forward.Writer, sections: "_Sections") -> Iterator[dict[str, Any]]:
        """The rows of all new documents; what is read is counted in on the way."""
        total = len(self.plan.fresh)
        for done, document in enumerate(self.plan.fresh):
            self.progress(document.name, done, total)
            number = self.plan.old.next_number + done
            count = 0
            sections.begin()
            for some in _parts(self._read(document), _AT_ONCE):
                vectors = self._encode(some)
                for place, passage in enumerate(some):
                    writer.add(passage, sections.of(passage))
                    row = texts.row(number, passage)
                    yield row if vectors is None else {**row, "vector": vectors[place].tolist()}
                count += len(some)
            if count:
                self.entries.append(
                    Entry(
                        document.key, document.name, document.root, document.digest, number, count
                    )
                )

    def _read(self, document: Document) -> Iterator[Passage]:
        """The passages of a document, none where it cannot be read and is not all there is."""
        path = Path(document.key)
        if path.is_file() and path.stat().st_size > _STREAMED:
            yield from document.passages()
            return
        try:
            found = list(document.passages())
        except InputError as error:
            if len(self.plan.fresh) == 1 and not self.plan.keep:
                raise
            self.report.skipped[document.name] = str(error)
            return
        yield from found

    def _refuse_nothing(self) -> None:
        skipped = self.report.skipped
        for names in (self.report.added, self.report.replaced):
            names[:] = [name for name in names if name not in skipped]
        if skipped and not self.entries and not self.plan.keep:
            name, why = next(iter(skipped.items()))
            raise InputError(
                _("None of {n} documents could be read; the first: {why}").format(
                    n=len(skipped), why=why
                ),
                path=None if name in why else name,
            )

    def _encode(self, passages: list[Passage]) -> npt.NDArray[np.float32] | None:
        if self.encoder is None:
            return None
        texts = ["\n".join((*passage.wordings, passage.text)) for passage in passages]
        found = self.encoder.encode_passages(texts)
        self.vectors.append(found.astype(np.float16))
        return found

    def _arrays(self, old: Arrays | None, new: forward.Forward, vocabulary: Vocabulary) -> Arrays:
        vectors = np.concatenate(self.vectors) if self.vectors else None
        if old is not None:
            kept = self._kept()
            new = forward.joined([forward.selected(old.forward, kept), new])
            if old.vectors is not None:
                parts = [old.vectors[kept], *([vectors] if vectors is not None else [])]
                vectors = np.concatenate(parts)
        return Arrays(new, inverted.build(new, vocabulary), vocabulary.numbers, vectors)


class _Sections:
    """Numbers for what stands under one outermost heading of one document."""

    def __init__(self, old: Arrays | None) -> None:
        before = old.forward.passage_sections if old else np.empty(0, np.uint32)
        self.next = int(before.max()) + 1 if len(before) else 0
        self.numbers: dict[str, int] = {}

    def begin(self) -> None:
        """A new document begins."""
        self.next += len(self.numbers)
        self.numbers = {}

    def of(self, passage: Passage) -> int:
        """The section of a passage."""
        heading = passage.place.heading.split(" > ", 1)[0]
        return self.next + self.numbers.setdefault(heading, len(self.numbers))


def _size(documents: Sequence[Document]) -> int:
    """The bytes of the documents that are files."""
    paths = [Path(document.key) for document in documents]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _parts(passages: Iterator[Passage], size: int) -> Iterator[list[Passage]]:
    while some := list(islice(passages, size)):
        yield some


def _same(old: Manifest, language: str | None, encoder: Encoder | None, folder: Path) -> None:
    """Refuse what an index cannot change once it is made."""
    asked = encoder.name if encoder else old.encoder
    for what, is_, wanted in (
        ("language", old.language, language or old.language),
        ("encoder", old.encoder or "-", asked or "-"),
    ):
        if is_ != wanted:
            raise InputError(
                _("This index was made with {what} '{old}', not '{new}'").format(
                    what=what, old=is_, new=wanted
                ),
                path=folder,
                hint=_("Build another index in a new folder"),
            )


def _clear(folder: Path, keep: str = "") -> None:
    """Remove what runs that were cut off have left."""
    for left in folder.iterdir():
        ours = left.name.startswith(_ARRAYS) or left.name.endswith(".new") or not keep
        if ours and left.name not in (keep, lock.NAME):
            remove(left)

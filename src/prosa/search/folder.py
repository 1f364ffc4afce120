"""An index in a folder: words in tantivy, vectors in a file beside it.

prosa-index.json    says that this is an index, and of which format; written last
words/              tantivy's segments: passages, documents and settings, committed together
vectors-D           vectors of D dimensions (see `vectors`)
.lock               held by the run that is at work on the index
"""

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from shutil import disk_usage
from typing import Any

import filelock
import numpy as np
import numpy.typing as npt
import tantivy

from prosa.errors import InputError, ProsaError
from prosa.files import full_disk_said, remove, replacing
from prosa.i18n import _
from prosa.search.passages import Passage
from prosa.search.store import (
    FORMAT,
    Entry,
    Row,
    Settings,
    Vectors,
    from_json,
    settings_of,
    to_json,
)
from prosa.search.terms import Analyzer
from prosa.search.vectors import VectorFile

NAME = "prosa-index.json"
_WORDS, _LOCK = "words", ".lock"
_HEAP = 60_000_000
_KEPT = 4096
_Query, _Occur = tantivy.Query, tantivy.Occur


def is_index(folder: Path) -> bool:
    """Whether a folder is an index."""
    return (folder / NAME).exists()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("document", indexed=True)
    builder.add_unsigned_field("id", indexed=True, fast=True)
    for name in ("stems", "pieces"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_bytes_field("value", stored=True)
    return builder.build()


_SCHEMA = _schema()


class Folder:
    """A store in a folder; with `new` there may be none yet, and it begins with the first commit.

    Raises:
        InputError: There is no index, it may not be read, or another version of prosa made it.
        ProsaError: It is damaged.
    """

    def __init__(self, folder: Path, *, new: bool = False) -> None:
        self.folder = folder
        self.place = str(folder)
        self.settings = Settings()
        self.next = (1, 1)
        self.passages = 0
        if not new or is_index(folder):
            self.reload()

    def reload(self) -> None:
        """See what was committed since."""
        _check_format(self.folder)
        try:
            self.index = tantivy.Index.open(str(self.folder / _WORDS))
            self._look()
            value = self._stored("settings")[0]
            self.settings, self.next = settings_of(value), tuple(value["next"])
        except (ValueError, LookupError, TypeError, OSError) as error:
            raise _damaged(self.folder) from error

    def _look(self) -> None:
        self._searcher = self.index.searcher()
        self.passages = self._search(_kind("passage"), 1, count=True).count
        self._counts: dict[tuple[str, str], int] = {}
        self._kept: dict[int, list[Row]] = {}
        self.__dict__.pop("_vectors", None)  # read when they are next asked for

    def entries(self) -> list[Entry]:
        """Its documents, in the order they came."""
        return sorted((Entry(**v) for v in self._stored("entry")), key=lambda one: one.number)

    def find(self, words: Mapping[str, Mapping[str, float]], limit: int) -> list[int]:
        """The ids of the passages that hold most of some words by BM25, the best first."""
        clauses = [
            (_Occur.Should, _Query.boost_query(_term(field, word), weight))
            for field, weights in words.items()
            for word, weight in weights.items()
        ]
        hits = self._search(_Query.boolean_query(clauses), limit).hits
        return self._ids(hits)

    def nearest(self, vector: npt.NDArray[np.float32], limit: int) -> list[int]:
        """The ids of the passages that have a vector nearest to one, those that are gone too."""
        return self._vectors.nearest(vector, limit)

    def holding(self, field: str, words: Sequence[str]) -> list[int]:
        """How many passages hold each of some words, up to a few that were taken out."""
        counts = self._counts
        for word in words:
            if (field, word) not in counts:
                found = self._searcher.doc_freq(field, word)
                counts[field, word] = min(found, self.passages)
        return [counts[field, word] for word in words]

    def rows(self, ids: Sequence[int]) -> list[Row]:
        """The passages of some ids; those that are gone are left out."""
        if len(self._kept) > _KEPT:
            self._kept.clear()
        for one in ids:
            if one not in self._kept:
                self._kept[one] = list(self._rows(_term("id", one), 1))
        return [row for one in ids for row in self._kept[one]]

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """All vectors of some passages."""
        return self._vectors.of(ids)

    def without_vectors(self) -> list[int]:
        """The ids of the passages that have none."""
        have = set(self._vectors.ids.tolist())
        return [one for one in self.ids() if one not in have]

    @contextmanager
    def writing(self) -> Iterator["_Writer"]:
        """Hold the index for writing; a run that fails, or is killed, leaves the last commit."""
        with _locked(self.folder), full_disk_said(self.folder):
            new = not is_index(self.folder)
            try:
                if new:
                    _refuse_others(self.folder)
                    (self.folder / _WORDS).mkdir()
                    self.index = tantivy.Index(_SCHEMA, path=str(self.folder / _WORDS))
                    self._look()
                else:
                    self.reload()
                writer = _Writer(self)
                try:
                    yield writer
                finally:
                    writer.close()
            except BaseException as error:
                full = isinstance(error, ValueError) and disk_usage(self.folder).free < _HEAP
                if new and not is_index(self.folder):
                    remove(self.folder)
                else:
                    self.index.writer(heap_size=_HEAP, num_threads=1).garbage_collect_files()
                if full:  # tantivy says that a thread was killed, and not why
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise

    def ids(self) -> list[int]:
        """The ids of all passages, in the order they came."""
        hits = self._search(_kind("passage"), max(1, self.passages)).hits
        return sorted(self._ids(hits))

    def _ids(self, hits: Any) -> list[int]:
        addresses = [address for _score, address in hits]
        values: list[Any] = self._searcher.fast_field_values("id", addresses)
        return values

    def _rows(self, query: tantivy.Query, limit: int) -> Iterator[Row]:
        for value in self._values(query, limit):
            yield Row(value["id"], value["source"], from_json(value))

    def _stored(self, kind: str) -> list[dict[str, Any]]:
        return list(self._values(_kind(kind), max(1, self._searcher.num_docs)))

    def _values(self, query: tantivy.Query, limit: int) -> Iterator[dict[str, Any]]:
        for _score, address in self._search(query, limit).hits:
            yield json.loads(bytes(self._searcher.doc(address)["value"][0]))

    def _search(self, query: tantivy.Query, limit: int, *, count: bool = False) -> Any:
        return self._searcher.search(query, limit, count=count)

    @cached_property
    def _vectors(self) -> VectorFile:
        return VectorFile(self.folder)


class _Writer:
    """Changes an index in a folder whose lock is held."""

    def __init__(self, store: Folder) -> None:
        self._store = store
        self._writer: Any = None
        self._removed = False
        self._next = store.next

    def add(self, entry: Entry, passages: Iterable[Passage], analyzer: Analyzer) -> int:
        """Add a document; where its passages raise, nothing of it stays. Returns their count."""
        writer = self._writing()
        number, first = self._next
        ids = count(first)
        try:
            for passage in passages:
                one = next(ids)
                stems, pieces = analyzer.searchable(passage.searched_text)
                document = tantivy.Document()
                document.add_text("kind", "passage")
                document.add_unsigned("document", number)
                document.add_unsigned("id", one)
                document.add_text("stems", stems)
                document.add_text("pieces", pieces)
                _put(document, {"id": one, "source": entry.name, **to_json(passage)})
                writer.add_document(document)
        except BaseException:
            writer.delete_documents_by_query(_term("document", number))
            self._next = (number + 1, next(ids))
            raise
        total = next(ids) - first
        document = tantivy.Document()
        document.add_text("kind", "entry")
        document.add_unsigned("document", number)
        _put(document, asdict(replace(entry, number=number, passages=total)))
        writer.add_document(document)
        self._next = (number + 1, first + total)
        return total

    def remove(self, entries: Iterable[Entry]) -> None:
        """Take documents out, with all that belongs to them."""
        for entry in entries:
            self._removed = True
            self._writing().delete_documents_by_query(_term("document", entry.number))

    def commit(self, settings: Settings) -> None:
        """Make the new state the current one, for good."""
        store, writer = self._store, self._writing()
        writer.delete_documents_by_query(_kind("settings"))
        document = tantivy.Document()
        document.add_text("kind", "settings")
        _put(document, {**asdict(settings), "next": self._next})
        writer.add_document(document)
        writer.commit()
        _sync(store.folder / _WORDS)
        if not is_index(store.folder):
            with replacing(store.folder / NAME, file=True) as new:
                new.write_text(json.dumps({"format": FORMAT}) + "\n", "utf-8")
        changed = settings.encoder != store.settings.encoder
        store.reload()
        if changed or self._removed:
            VectorFile(store.folder).keep(set() if changed else set(store.ids()))
            store.reload()
        self._removed = False

    def add_vectors(self, vectors: Vectors) -> None:
        """Add all vectors of some passages; these are seen, and last, at once."""
        VectorFile(self._store.folder).append(vectors)
        self._store.reload()

    def close(self) -> None:
        """Let go of the index; what was not committed is gone."""
        if self._writer is not None:
            with suppress(ValueError):  # its thread may have met a full disk
                self._writer.rollback()
                self._writer.wait_merging_threads()
            self._writer = None

    def _writing(self) -> Any:
        if self._writer is None:
            # One thread: the same documents give the same index.
            self._writer = self._store.index.writer(heap_size=_HEAP, num_threads=1)
            # A run that was killed while it committed leaves files whose names come again.
            self._writer.garbage_collect_files()
        return self._writer


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold an index; the system lets go of it whatever becomes of this process."""
    lock = filelock.FileLock(folder / _LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except FileExistsError as error:
        raise _other(folder) from error
    except filelock.Timeout as error:
        raise ProsaError(
            _("Another run is working on the index '{folder}'").format(folder=folder),
            hint=_("Wait until it is done"),
        ) from error
    except PermissionError as error:
        raise InputError(
            _("The folder '{folder}' cannot be written to").format(folder=folder), path=folder
        ) from error
    try:
        yield
    finally:
        lock.release()


def _put(document: tantivy.Document, value: Mapping[str, Any]) -> None:
    document.add_bytes("value", json.dumps(value, ensure_ascii=False).encode())


def _kind(name: str) -> tantivy.Query:
    return _term("kind", name)


def _term(field: str, value: str | int) -> tantivy.Query:
    return _Query.term_query(_SCHEMA, field, value, "freq")


def _check_format(folder: Path) -> None:
    try:
        made = json.loads((folder / NAME).read_text("utf-8"))["format"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            _("There is no index here") if folder.exists() else _("There is no such folder"),
            path=folder,
            expected=_("a folder that prosa index has made"),
            hint=_("Make one: prosa index DOCUMENTS -o {folder}").format(folder=folder),
        ) from error
    except OSError as error:
        raise InputError(
            _("This index cannot be read: {reason}").format(reason=error.strerror or error),
            path=folder,
            hint=_("Ask for permission to read it, or build your own with prosa index"),
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(folder) from error
    if made == FORMAT:
        return
    if isinstance(made, int) and made > FORMAT:
        raise InputError(
            _("A newer version of prosa made this index"),
            path=folder,
            hint=_("Update prosa (pip install -U prosa), or build the index again"),
        )
    raise InputError(
        _("An older version of prosa made this index"),
        path=folder,
        hint=_(
            "Index again: remove this folder, then run prosa index DOCUMENTS -o {folder}"
        ).format(folder=folder),
    )


def _refuse_others(folder: Path) -> None:
    """Refuse a folder that holds something else than what a run that was cut off has left."""
    if {path.name for path in folder.iterdir()} - {_WORDS, _LOCK}:
        raise _other(folder)
    remove(folder / _WORDS)


def _other(path: Path) -> InputError:
    return InputError(
        _("There is something here already, and it stays as it is"),
        path=path,
        hint=_("Give the name of a new folder with -o"),
    )


def _damaged(folder: Path) -> ProsaError:
    return ProsaError(
        _("The index '{path}' is damaged").format(path=folder),
        hint=_("Remove the index and build it again"),
    )


def _sync(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

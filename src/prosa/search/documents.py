"""Documents: which files a person means, what each one is, and its passages.

A source is a file, a folder, the name of a bundled sample, or a table in memory. A document is one
file (or one table); it is read again only when its content has changed. A file that cannot be read
is an error where it is all there is, and is named and passed over among others.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prosa import samples
from prosa.data.open import ACCEPTED as ACCEPTED_DATA
from prosa.data.open import files_under, format_of, suffix_of, unknown_source
from prosa.data.read import read
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search import html, pdf, records, stores, text, word
from prosa.search.passages import Block, Passage, cut

_READERS: dict[str, Callable[[Path, str], Iterable[Block | Passage]]] = {
    ".html": html.blocks,
    ".htm": html.blocks,
    ".xhtml": html.blocks,
    ".pdf": pdf.blocks,
    ".docx": word.blocks,
    ".md": text.markdown,
    ".markdown": text.markdown,
    ".txt": text.plain,
    ".text": text.plain,
}
ACCEPTED = f"html, pdf, docx, {ACCEPTED_DATA}"

_BLOCK = 1 << 20
_RUN = 64


@dataclass(frozen=True)
class Document:
    """Something that has passages.

    Attributes:
        key: Tells it from every other document; an absolute path where it is a file.
        name: What citations call it.
        root: The source of the person that it belongs to.
        digest: SHA-256 of its content.
        passages: Reads it. Raises InputError where it cannot be read or has no text.
        fault: Why it cannot be read now: a file, or a folder of files, that the system refuses.
    """

    key: str
    name: str
    root: str
    digest: str
    passages: Callable[[], Iterator[Passage]]
    fault: InputError | None = None


def find(source: Any) -> list[Document]:
    """The documents of one source.

    Raises:
        InputError: There is no such source, or a folder holds no document.
    """
    if isinstance(source, Document):
        return [source]
    if not isinstance(source, str | os.PathLike):
        return [_table(source)]
    name = os.fspath(source)
    path = Path(name).expanduser()
    try:
        if name in samples.NAMES and not path.exists():
            return [_sample(name)]
        if path.is_dir():
            return _folder(path)
        if not path.exists():
            raise unknown_source(name, tuple(samples.NAMES))
    except OSError as error:
        raise _unreadable(name, error) from error
    return [file(path, name, root_of(name))]


def file(path: Path, name: str, root: str, *, alone: bool = True) -> Document:
    """The document of a file, cited by a name; one that is not `alone` tells later of a fault.

    Raises:
        InputError: It is alone, and the system refuses to read it.
    """
    try:
        digest = _digest(path)
    except OSError as error:
        fault = _unreadable(name, error)
        if alone:
            raise fault from error
        return _refused(path, name, root, fault)

    def passages() -> Iterator[Passage]:
        reader = _READERS.get(suffix_of(path))
        if reader is None:
            _refuse_unknown(path, name)
            reader = records.passages
        try:
            yield from _some(_cut(reader(path, name)), name)
        except OSError as error:
            raise _unreadable(name, error) from error

    return Document(os.path.abspath(path), name, root, digest, passages)  # noqa: PTH100


def root_of(source: Any) -> str:
    """What a source is called in an index: an absolute path, or a sample's name."""
    text = os.fspath(source)
    path = Path(text).expanduser()
    return text if text in samples.NAMES and not path.exists() else os.path.abspath(path)  # noqa: PTH100


def _folder(folder: Path) -> list[Document]:
    root = root_of(folder)
    documents: list[Document] = []

    def refused(error: OSError) -> None:
        place = Path(error.filename)
        documents.append(_refused(place, str(place), root, _unreadable(str(place), error)))

    files = files_under(
        folder,
        _counts,
        # An index, as `prosa index . -o indice` puts it there.
        skip_folder=stores.is_index,
        unreadable=refused,
    )
    documents += (file(path, str(path), root, alone=False) for path in files)
    if not documents:
        raise InputError(
            _("There is no document in this folder"),
            path=folder,
            expected=_("files of the types {types}").format(types=ACCEPTED),
        )
    return documents


def _counts(path: Path) -> bool:
    """Whether a file of a folder is a document: neither of another type nor a pipe."""
    if suffix_of(path) not in _READERS and format_of(path) is None:
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # why, is said when it is opened


def _refused(path: Path, name: str, root: str, fault: InputError) -> Document:
    """A file, or a folder of files, that the system does not let us read."""

    def passages() -> Iterator[Passage]:
        raise fault

    return Document(os.path.abspath(path), name, root, "", passages, fault)  # noqa: PTH100


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(
        _("This cannot be read: {reason}").format(reason=error.strerror or error), path=name
    )


def _sample(name: str) -> Document:
    rows = list(samples.rows(name))
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    return Document(
        name, name, name, digest, lambda: _some(_cut(records.of(read(rows), sound=True)), name)
    )


def _table(source: Any) -> Document:
    data = read(source)
    digest = hashlib.sha256(str(data.table.schema).encode())
    for batch in data.table.to_batches():
        digest.update(batch.serialize())
    name = data.source
    return Document(
        name, name, name, digest.hexdigest(), lambda: _some(_cut(records.of(data)), name)
    )


def _cut(parts: Iterable[Block | Passage]) -> Iterator[Passage]:
    """Pieces of blocks between passages that are whole already."""
    run: list[Block] = []
    for part in parts:
        if isinstance(part, Passage):
            yield from cut(run)
            run = []
            yield part
            continue
        heading = run[-1].place.heading if run else part.place.heading
        if part.whole or part.place.heading != heading or len(run) >= _RUN:
            yield from cut(run)
            run = []
        run.append(part)
    yield from cut(run)


def _some(passages: Iterable[Passage], name: str) -> Iterator[Passage]:
    empty = True
    for passage in passages:
        empty = False
        yield passage
    if empty:
        raise InputError(
            _("There is no text in this document"),
            path=name,
            hint=_("Check that it was saved, and that this is the right file"),
        )


def _refuse_unknown(path: Path, name: str) -> None:
    if path.suffix.lower() == ".doc":
        raise InputError(
            _("Files of the old Word format are not read"),
            path=name,
            expected=ACCEPTED,
            hint=_("Save it as docx"),
        )
    if path.suffix and not format_of(path):
        raise InputError(
            _("Files of type '{suffix}' are not read").format(suffix=path.suffix),
            path=name,
            expected=ACCEPTED,
        )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

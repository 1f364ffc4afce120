"""What an index says about itself, and the one file whose renaming makes a new state of it current.

An index is a folder:

    prosa-index.json    this manifest: it names the folder that is current
    arrays-N/           what is searched and what is shown (see `store`)
    .lock               held by the run that is at work on the index
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from prosa.errors import InputError, ProsaError
from prosa.i18n import _

FORMAT = 3
"""The version of this layout; an index of another one is refused."""

NAME = "prosa-index.json"
LOCK = ".lock"


@dataclass(frozen=True)
class Entry:
    """A document in an index (see `documents.Document`). Passages follow the order of entries."""

    key: str
    name: str
    root: str
    digest: str
    passages: int


@dataclass(frozen=True)
class Manifest:
    """The state of an index.

    `build` counts the states it has had, `arrays` names the folder of this one; `encoder` is ""
    without vectors, `learned` what its own questions taught (see `learn`).
    """

    language: str
    build: int = 0
    arrays: str = ""
    encoder: str = ""
    filters: tuple[str, ...] = ()
    documents: tuple[Entry, ...] = ()
    learned: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return sum(entry.passages for entry in self.documents)


def read(folder: Path) -> Manifest:
    """Read the manifest of an index.

    Raises:
        InputError: There is no index, it may not be read, or another version of prosa made it.
        ProsaError: The manifest is damaged.
    """
    path = folder / NAME
    try:
        value = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(folder) from error
    except OSError as error:
        raise InputError(
            _("This index cannot be read: {reason}").format(reason=error.strerror or error),
            path=folder,
            hint=_("Ask for permission to read it, or build your own with prosa index"),
        ) from error
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(value, dict) or not isinstance(value.get("format"), int):
        raise _damaged(path)
    if value["format"] < FORMAT:
        raise InputError(
            _("An older version of prosa made this index"),
            path=folder,
            hint=_(
                "Index again: remove this folder, then run prosa index DOCUMENTS -o {folder}"
            ).format(folder=folder),
        )
    if value["format"] > FORMAT:
        raise InputError(
            _("A newer version of prosa made this index"),
            path=folder,
            hint=_("Update prosa (pip install -U prosa), or build the index again"),
        )
    try:
        entries = tuple(Entry(**entry) for entry in value.pop("documents"))
        known = {field.name for field in fields(Manifest)}
        kept = {name: part for name, part in value.items() if name in known}
        return replace(Manifest(**kept), documents=entries, filters=tuple(value["filters"]))
    except (TypeError, KeyError, AttributeError) as error:
        raise _damaged(path) from error


def write(folder: Path, manifest: Manifest) -> None:
    """Make a state current: all at once, and for good when this returns."""
    new = folder / f"{NAME}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)
    sync(folder)


@contextmanager
def locked(folder: Path, index: Path) -> Iterator[bool]:
    """Hold an index for writing; the system lets go of it whatever becomes of this process.

    Yields:
        False where the folder is gone by now: another run has removed or renamed it.

    Raises:
        InputError: The folder cannot be written to.
        ProsaError: Another run holds it.
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl  # noqa: PLC0415  not on Windows

    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        yield False
        return
    except PermissionError as error:
        raise InputError(
            _("The folder '{folder}' cannot be written to").format(folder=folder), path=folder
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ProsaError(
                _("Another run is working on the index '{folder}'").format(folder=index),
                hint=_("Wait until it is done"),
            ) from error
        yield _is_at(handle, path)
    finally:
        os.close(handle)


def sync(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file still has this path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _missing(folder: Path) -> InputError:
    return InputError(
        _("There is no index here") if folder.exists() else _("There is no such folder"),
        path=folder,
        expected=_("a folder that prosa index has made"),
        hint=_("Make one: prosa index DOCUMENTS -o {folder}").format(folder=folder),
    )


def _damaged(path: Path) -> ProsaError:
    return ProsaError(
        _("The file '{path}' of this index is damaged").format(path=path),
        hint=_("Remove the index and build it again"),
    )

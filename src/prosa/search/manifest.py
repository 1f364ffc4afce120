"""What an index says about itself, and the one file whose renaming makes a new state of it current.

An index is a folder:

    prosa-index.json    this manifest: which version of the table and which arrays are current
    passages.lance/     the LanceDB table of passages, all text that is shown
    arrays-N/           what is searched, made from the table's text, memory-mapped
"""

import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from prosa.errors import InputError, ProsaError
from prosa.i18n import _

FORMAT = 1
"""The version of this layout; an index of a higher one is refused."""

NAME = "prosa-index.json"


@dataclass(frozen=True)
class Entry:
    """A document in an index. The rows of the table follow the order of the entries.

    Attributes:
        key: Tells it from every other document; an absolute path where it is a file.
        name: What citations call it.
        root: The source that it was found under.
        digest: SHA-256 of its content when it was read.
        number: Its number in the table, never used again.
        passages: How many rows it has.
    """

    key: str
    name: str
    root: str
    digest: str
    number: int
    passages: int


@dataclass(frozen=True)
class Manifest:
    """The state of an index.

    Attributes:
        language: The language its words are stemmed in.
        build: Counts the states it has had.
        table_version: The version of the table.
        arrays: The folder of the arrays.
        next_number: The number the next document gets.
        encoder: The model of its vectors, "" without.
        documents: What is in it.
        learned: What was learned from its own questions (see `learn`).
        format: The layout it has.
    """

    language: str
    build: int = 0
    table_version: int = 0
    arrays: str = ""
    next_number: int = 1
    encoder: str = ""
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
        InputError: There is no index, it may not be read, or a newer prosa made it.
        ProsaError: The manifest is damaged.
    """
    path = folder / NAME
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise _missing(folder) from error
    except NotADirectoryError as error:
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
        return replace(Manifest(**kept), documents=entries)
    except (TypeError, KeyError, AttributeError) as error:
        raise _damaged(path) from error


def write(folder: Path, manifest: Manifest) -> None:
    """Make a state current: all at once, and for good when this returns."""
    beside = folder / f"{NAME}.new"
    with beside.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / NAME)
    sync(folder)


def sync(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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

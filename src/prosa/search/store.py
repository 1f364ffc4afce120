"""What a state of an index holds on disk: its arrays and its texts, mapped into memory.

NAME.npy        one file for each field of `Forward` and `Inverted`, and the vectors
words.txt       the words, in the order of their numbers
texts.arrow     the passages as they are shown, in the order of the arrays
"""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prosa.errors import InputError, ProsaError
from prosa.i18n import _
from prosa.search.forward import Forward
from prosa.search.inverted import Inverted
from prosa.search.manifest import sync
from prosa.search.passages import Count, Passage, Place

_TEXTS = "texts.arrow"
_WORDS = "words.txt"
_VECTORS = "vectors"
_BATCH = 1000
_COLUMNS: dict[str, pa.DataType] = {
    "count": pa.string(),
    "number": pa.int32(),
    "heading": pa.string(),
    "text": pa.string(),
    "wordings": pa.list_(pa.string()),
}
_SCHEMA = pa.schema(_COLUMNS)

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Arrays:
    """All that is searched: the passages both ways, the number of each word, and the vectors.

    These have length 1, float16 [passages, dimensions]; None without an encoder.
    """

    forward: Forward
    inverted: Inverted
    words: dict[str, int]
    vectors: Vectors | None = None


def save_arrays(arrays: Arrays, folder: Path) -> None:
    """Write arrays into a folder, so that they last through a power cut."""
    for part in (arrays.forward, arrays.inverted):
        for field in fields(part):
            _save(folder / f"{field.name}.npy", getattr(part, field.name))
    if arrays.vectors is not None:
        _save(folder / f"{_VECTORS}.npy", arrays.vectors)
    with (folder / _WORDS).open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(arrays.words))
        file.flush()
        os.fsync(file.fileno())
    sync(folder)


def load_arrays(folder: Path) -> Arrays:
    """Open the arrays in a folder.

    Raises:
        InputError: They may not be read.
        ProsaError: A file is missing or damaged.
    """
    try:
        forward = Forward(**{field.name: _open(folder, field.name) for field in fields(Forward)})
        inverted = Inverted(**{field.name: _open(folder, field.name) for field in fields(Inverted)})
        vectors = _open(folder, _VECTORS) if (folder / f"{_VECTORS}.npy").exists() else None
        words = (folder / _WORDS).read_text("utf-8").split("\n")
    except PermissionError as error:
        raise InputError(
            _("This index cannot be read: {reason}").format(reason=error.strerror or error),
            path=folder.parent,
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise ProsaError(
            _("The arrays of the index '{path}' are damaged or missing").format(path=folder.parent),
            hint=_("Remove the index and build it again"),
        ) from error
    numbers = {word: number for number, word in enumerate(words) if word}
    return Arrays(forward, inverted, numbers, vectors)


class Texts:
    """The passages of an index by their place.

    Raises:
        ProsaError: The file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        try:
            with pa.ipc.open_stream(pa.memory_map(str(folder / _TEXTS))) as reader:
                self.table = reader.read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise ProsaError(
                _("The texts of the index '{path}' are damaged or missing").format(
                    path=folder.parent
                ),
                hint=_("Remove the index and build it again"),
            ) from error

    def wordings(self) -> list[list[str]]:
        """The wordings of each passage; none of running text."""
        return [list(wordings or ()) for wordings in self.table["wordings"].to_pylist()]

    def passage(self, place: int) -> Passage:
        """The passage at a place."""
        row = self.table.slice(place, 1).to_pylist()[0]
        where = Place(Count(row["count"]), row["number"], row["heading"])
        return Passage(row["text"], where, tuple(row["wordings"]))


class TextWriter:
    """Writes the passages of a new state; a broken document can be taken back."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / _TEXTS).open("wb")
        self._stream = pa.ipc.new_stream(self._file, _SCHEMA)
        self._waiting: list[Passage] = []
        self._first = 0
        self._start: int | None = None

    def __enter__(self) -> "TextWriter":
        return self

    def __exit__(self, fault: object, *_details: object) -> None:
        with self._file:
            if fault is None:
                self._write(len(self._waiting))
                self._stream.close()
                self._file.flush()
                os.fsync(self._file.fileno())

    def begin(self) -> None:
        """A document begins: `take_back` goes back to here."""
        if len(self._waiting) >= _BATCH:
            self._write(len(self._waiting))
        self._first, self._start = len(self._waiting), None

    def add(self, passages: Iterable[Passage]) -> None:
        """Append passages of the document."""
        self._waiting += passages
        if len(self._waiting) - self._first >= _BATCH:
            if self._start is None:
                self._write(self._first)
                self._start = self._file.tell()
                self._first = 0
            self._write(len(self._waiting))

    def take_back(self) -> None:
        """Take out what was added since the document began."""
        del self._waiting[self._first :]
        if self._start is not None:
            self._file.seek(self._start)
            self._file.truncate()

    def copy(self, texts: Texts, keep: npt.NDArray[np.bool_]) -> None:
        """Append passages of an earlier state, those that `keep` [passages] says."""
        self._write(len(self._waiting))
        for start in range(0, len(keep), _BATCH):
            rows = texts.table.slice(start, _BATCH).filter(pa.array(keep[start : start + _BATCH]))
            for batch in rows.combine_chunks().to_batches():
                self._stream.write_batch(batch)

    def _write(self, count: int) -> None:
        """Write the first ones of those that wait."""
        passages = self._waiting[:count]
        del self._waiting[:count]
        if not passages:
            return
        rows = [
            {**asdict(passage.place), "text": passage.text, "wordings": passage.wordings}
            for passage in passages
        ]
        self._stream.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _open(folder: Path, name: str) -> Any:
    mapped = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    # A plain view: memmap's own class makes every slice several times as slow.
    return mapped.view(np.ndarray)

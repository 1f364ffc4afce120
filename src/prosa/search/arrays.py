"""The arrays of an index on disk: one .npy file each, opened by mapping them into memory."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError, ProsaError
from prosa.files import full_disk_said
from prosa.i18n import _
from prosa.search.forward import Forward
from prosa.search.inverted import Inverted
from prosa.search.manifest import sync

_WORDS = "words.txt"
_VECTORS = "vectors"

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Arrays:
    """All that is searched.

    Attributes:
        forward: The passages as numbers.
        inverted: From words to passages.
        words: Each word's number.
        vectors: A vector of length 1 for each passage, float16 [passages, dimensions]; None
            without an encoder.
    """

    forward: Forward
    inverted: Inverted
    words: dict[str, int]
    vectors: Vectors | None = None


def save(arrays: Arrays, folder: Path) -> None:
    """Write arrays into a new folder, so that they last through a power cut.

    Raises:
        ProsaError: The disk is full.
    """
    with full_disk_said(folder.parent):
        folder.mkdir(exist_ok=True)
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


def load(folder: Path) -> Arrays:
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


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _open(folder: Path, name: str) -> Any:
    found = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    # A plain view: memmap's own class makes every slice several times as slow.
    return found.view(np.ndarray)

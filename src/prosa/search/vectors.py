"""Vectors in a file of records of fixed size, beside the words of an index in a folder.

A record holds a vector in whole numbers of 8 bits and their scale (a likeness is off by 0.001 at
most, and is computed several times as fast as from float16), with its passage and unit. Passages
are appended whole; one that a killed run has torn is cut off. What belongs to passages that are
gone is never found, and goes with the next removal.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.files import replacing
from prosa.search.store import Vectors

_NAME = "vectors-"
_PART = 8192


class VectorFile:
    """The vectors of an index in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = [rows for path in self._paths() if (rows := _records(path)) is not None]
        self._rows = found[0] if found else np.empty(0, _kind(1))
        self.ids: npt.NDArray[np.uint32] = self._rows["id"]
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]

    def of(self, ids: npt.ArrayLike) -> Vectors:
        """All vectors of some passages."""
        wanted = np.unique(np.asarray(ids, np.uint32))
        starts = np.searchsorted(self._sorted, wanted, "left")
        ends = np.searchsorted(self._sorted, wanted, "right")
        places = [self._order[start:end] for start, end in zip(starts, ends, strict=True)]
        rows = self._rows[np.concatenate([np.empty(0, np.int64), *places])]
        values = rows["value"].astype(np.float32) * rows["scale"][:, None]
        return Vectors(rows["id"], rows["unit"], values)

    def nearest(self, vector: npt.NDArray[np.float32], limit: int) -> list[int]:
        """The ids of the passages that have a vector nearest to one."""
        count = min(len(self.ids), 4 * limit)  # a passage may have several among the nearest
        if not count:
            return []
        parts = [self._rows[start : start + _PART] for start in range(0, len(self.ids), _PART)]
        products = [part["value"].astype(np.float32) @ vector * part["scale"] for part in parts]
        likeness = np.concatenate(products)
        best = np.argpartition(-likeness, count - 1)[:count]
        near = self.ids[best[np.argsort(-likeness[best], kind="stable")]]
        return list(dict.fromkeys(near.tolist()))[:limit]

    def append(self, vectors: Vectors) -> None:
        """Add all vectors of some passages, for good when this returns."""
        size = vectors.values.shape[1]
        rows = np.empty(len(vectors.ids), _kind(size))
        scale = np.abs(vectors.values).max(1, keepdims=True) / 127 + 1e-9
        rows["id"], rows["unit"], rows["scale"] = vectors.ids, vectors.units, scale[:, 0]
        rows["value"] = np.round(vectors.values / scale)
        _ids, place, counts = np.unique(vectors.ids, return_inverse=True, return_counts=True)
        rows["units"] = counts[place]
        path = self.folder / f"{_NAME}{size}"
        before = _records(path)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(rows.itemsize * (0 if before is None else len(before)))
            file.seek(0, os.SEEK_END)
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def keep(self, ids: set[int]) -> None:
        """Keep the vectors of some passages only."""
        for path in self._paths():
            rows = _records(path)
            kept = None if rows is None else rows[np.isin(rows["id"], list(ids))]
            if kept is None or not len(kept):
                path.unlink()
                continue
            with replacing(path, overwrite=True, file=True) as new:
                kept.tofile(new)

    def _paths(self) -> list[Path]:
        return [path for path in self.folder.glob(f"{_NAME}*") if path.name[len(_NAME) :].isdigit()]


def _kind(size: int) -> np.dtype[Any]:
    """A record: a passage, a unit, how many vectors the passage has, and the vector."""
    names = [("id", "<u4"), ("unit", "<u2"), ("units", "<u2"), ("scale", "<f4")]
    return np.dtype([*names, ("value", "i1", (size,))])


def _records(path: Path) -> npt.NDArray[Any] | None:
    """The records of a file, without a passage at its end that lacks some of its vectors."""
    kind = _kind(int(path.name[len(_NAME) :]))
    whole = path.stat().st_size // kind.itemsize if path.exists() else 0
    if not whole:
        return None
    rows = np.memmap(path, kind, "r", shape=(whole,)).view(np.ndarray)
    last = rows[-1]
    there = int((rows["id"][-int(last["units"]) :] == last["id"]).sum())
    return rows if there == last["units"] else rows[:-there]

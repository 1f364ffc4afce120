"""What `steps.prepared` wrote: the records in files, and what is known of each, as arrays."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prosa.data import signatures
from prosa.data.duplicates import Fingerprints, Mask
from prosa.data.kinds import Kind
from prosa.data.steps import COMPARED, WRITTEN, Settings, said


@dataclass(frozen=True)
class Stored:
    """A table in Arrow files, whose batches stand in them in turn.

    To read it batch by batch, or some columns of it, takes no memory for the others; a table that
    is memory-mapped counts as the process's memory once it was read.
    """

    paths: Sequence[Path]

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns, read batch by batch."""
        with ExitStack() as stack:
            sources = [stack.enter_context(pa.OSFile(str(path), "rb")) for path in self.paths]
            schema = pa.ipc.open_file(sources[0]).schema
            options = pa.ipc.IpcReadOptions(
                included_fields=[schema.get_field_index(name) for name in names]
            )
            parts = [pa.ipc.open_file(source, options=options) for source in sources]
            for batch in _in_turn(parts):
                yield batch.select(names)

    def arrays(self, names: Sequence[str]) -> "list[NDArray[Any]]":
        """Columns of numbers, in memory."""
        # Copies: a view would keep the whole batch.
        parts = [[np.array(column) for column in batch.columns] for batch in self.batches(names)]
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]

    @cached_property
    def mapped(self) -> pa.Table:
        """All of it, memory-mapped: for a look at some rows."""
        parts = [pa.ipc.open_file(pa.memory_map(str(path))) for path in self.paths]
        return pa.Table.from_batches(_in_turn(parts), parts[0].schema)


def _in_turn(parts: "list[pa.ipc.RecordBatchFileReader]") -> Iterator[pa.RecordBatch]:
    for number in range(sum(part.num_record_batches for part in parts)):
        yield parts[number % len(parts)].get_batch(number // len(parts))


def mapped(path: Path) -> pa.Table:
    """An Arrow IPC file as a memory-mapped table."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


class Fate(IntEnum):
    """What becomes of a record; the names are the report's."""

    KEPT = 0
    EMPTY = 1
    PLACEHOLDER = 2
    FILTERED = 3
    EXACT_DUPLICATES = 4
    NEAR_DUPLICATES = 5
    ANSWER_NOT_IN_CONTEXT = 6


@dataclass(frozen=True)
class Facts:
    """What `prepared` noted about the records, and what becomes of them.

    Attributes:
        kind: What they are.
        stored: The records and all that was noted.
        names: The columns that people wrote: their names, and those of the repaired text, which is
            the final one unless classic steps follow.
        repair: uint8 [records], `Repair`.
        exact: uint64 [records], the hash of all a record says.
        filter: uint8 [records], which of `REASONS` drops it, from 1; 0 for none.
        texts: Its compared texts as numbers.
        fate: uint8 [records], `Fate`; the first reason to drop a record stands.
    """

    kind: Kind
    stored: Stored
    names: dict[str, str]
    repair: NDArray[np.uint8]
    exact: signatures.Hashes
    filter: NDArray[np.uint8]
    texts: list[Fingerprints]
    fate: NDArray[np.uint8]

    @classmethod
    def read(cls, stored: Stored, settings: Settings) -> "Facts":
        """Read what `prepared` noted, with the settings that it had."""
        kind = Kind(settings["kind"])
        names = {name: f"#{name}" if settings["steps"] else name for name in WRITTEN[kind]}
        texts = []
        for place, name in enumerate(COMPARED[kind]):
            identity, words = stored.arrays([f"#identity{place}", f"#words{place}"])
            minhash = f"#minhash{place}"
            columns = (batch.column(minhash) for batch in stored.batches([minhash]))
            path = stored.paths[0].with_name(f"minhash{place}")
            made = signatures.Signatures(words >= signatures.SHORT, columns, path)

            def text_of(row: int, column: str = names[name]) -> str:
                return said(stored.mapped.column(column)[row].as_py())

            texts.append(Fingerprints(identity, words, made, text_of))
        noted = stored.arrays(["#repair", "#exact", "#filter", "#empty", "#lost"])
        repairs, exact, dropped_by, empty, lost = noted
        fate = np.where(lost, np.uint8(Fate.ANSWER_NOT_IN_CONTEXT), np.uint8(Fate.KEPT))
        fate[empty] = Fate.EMPTY
        return cls(kind, stored, names, repairs, exact, dropped_by, texts, fate)

    @property
    def kept(self) -> Mask:
        """Those that are not dropped: bool [records]."""
        mask: Mask = self.fate == Fate.KEPT
        return mask

    def drop(self, mask: Mask, fate: Fate) -> None:
        """Give a fate to those that have none yet."""
        self.fate[mask & self.kept] = fate

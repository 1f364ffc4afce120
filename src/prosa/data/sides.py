"""The tables of the splits, written side by side to scratch files."""

from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from prosa import files
from prosa.data import batches, split
from prosa.data.duplicates import Mask, Rows


def deal(table: pa.Table, kept: Mask, sides: split.Sides) -> dict[str, pa.Table]:
    """Write the records that are kept to one memory-mapped table a side, in their order.

    Args:
        table: All records.
        kept: bool [records]
        sides: int8 [records]

    Returns:
        The tables by name, in the order of `split.NAMES`; empty ones are absent.
    """
    folder = files.scratch()
    used = [side for side in range(len(split.NAMES)) if (kept & (sides == side)).any()]
    paths = {split.NAMES[side]: folder / f"{split.NAMES[side]}.arrow" for side in used}
    with files.full_disk_said(folder), ExitStack() as stack:
        writers = {}
        for name, path in paths.items():
            file = stack.enter_context(pa.OSFile(str(path), "wb"))
            writers[name] = stack.enter_context(pa.ipc.new_file(file, table.schema))
        start = 0
        for batch in batches.batches(table):
            rows = slice(start, start + batch.num_rows)
            for side in used:
                mask = kept[rows] & (sides[rows] == side)
                if mask.any():
                    part = batch if mask.all() else batch.filter(pa.array(mask))
                    writers[split.NAMES[side]].write_batch(part)
            start += batch.num_rows
    return {name: batches.mapped(path) for name, path in paths.items()}


def cut(
    table: pa.Table, kept: Mask, sides: split.Sides, shares: split.Shares
) -> dict[str, pa.Table]:
    """Cut a few running texts, in their order, into the sides; those that have a side keep it.

    Returns:
        As `deal`.
    """

    def texts(mask: Mask) -> list[str]:
        return [str(text) for text in table.column("text").filter(pa.array(mask)).to_pylist()]

    parts = split.cut(texts(kept & (sides == split.TRAIN)), shares)
    for side in (split.VALIDATION, split.TEST):
        parts[split.NAMES[side]] += texts(kept & (sides == side))
    folder = files.scratch()
    found = {}
    for name, lines in parts.items():
        if lines:
            batch = pa.RecordBatch.from_arrays([pa.array(lines, pa.string())], schema=table.schema)
            with files.full_disk_said(folder):
                batches.write(folder / f"{name}.arrow", table.schema, iter([batch]))
            found[name] = batches.mapped(folder / f"{name}.arrow")
    return found


def tests_kin(group: Rows, sides: split.Sides) -> bool:
    """Whether most of the author's test records have kin among the training records.

    Then the author holds out other wordings of what is trained, not other matters, and what we
    hold out besides is chosen in the same way: record by record.
    """
    test = group[sides == split.TEST]
    return bool(len(test)) and bool(np.isin(test, group[sides == split.TRAIN]).mean() > 0.5)

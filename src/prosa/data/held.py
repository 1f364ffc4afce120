"""What is held out for validation and test: the author's choice, the person's, or a share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from prosa.data import split
from prosa.data.kinds import COLUMNS, Records
from prosa.errors import InputError
from prosa.i18n import _

Held = float | str | Path | Records | None
"""A share (0.1, "0.1", "10%"), a path or name to read, records, or None for the default."""

_DEFAULT = split.Shares()


@dataclass(frozen=True)
class Plan:
    """What stands where before anything is dealt out.

    Attributes:
        table: All records, those held out by a person behind the others.
        sides: int8 [records], where each stands; `TRAIN` where it is still free.
        shares: What is to be dealt out of the free ones.
    """

    table: pa.Table
    sides: split.Sides
    shares: split.Shares

    @property
    def fixed(self) -> bool:
        """Whether some records have their side already."""
        return bool((self.sides != split.TRAIN).any())


def plan(records: Records, validation: Held, test: Held, *, raw: bool = False) -> Plan:
    """Settle what is held out.

    The author's own split (a column `split`) holds where nothing else is asked for; a share or
    records given for a side take the place of the author's.

    Args:
        records: All there is.
        validation: What to validate on.
        test: What to test on.
        raw: Read files as they stand.

    Raises:
        InputError: A share is out of range, or records of another kind are given.
    """
    sides = _author(records.table)
    author = bool((sides != split.TRAIN).any())
    tables, all_sides = [_columns(records)], [sides]
    shares: dict[int, float] = {}
    asked: Mapping[int, Held] = {split.VALIDATION: validation, split.TEST: test}
    for side, held in asked.items():
        share = _share(held, side)
        if share is None and held is None:
            stands = author and (side == split.TEST or bool((sides == side).any()))
            shares[side] = 0.0 if stands else _default(side)
            continue
        sides[sides == side] = split.TRAIN
        shares[side] = share or 0.0
        if share is None:
            other = _records(held, records, raw=raw)
            tables.append(_columns(other))
            all_sides.append(np.full(other.table.num_rows, side, np.int8))
    return Plan(
        pa.concat_tables(tables, promote_options="default"),
        np.concatenate(all_sides),
        split.Shares(shares[split.VALIDATION], shares[split.TEST]),
    )


def _author(table: pa.Table) -> split.Sides:
    sides = np.full(table.num_rows, split.TRAIN, np.int8)
    if "split" in table.column_names:
        names = np.asarray(table.column("split").to_pylist(), object)
        for side, name in enumerate(split.NAMES):
            sides[names == name] = side
    return sides


def _columns(records: Records) -> pa.Table:
    names = [*COLUMNS[records.kind]]
    names += [name for name in ("group",) if name in records.table.column_names]
    return records.table.select(names)


def _default(side: int) -> float:
    return _DEFAULT.test if side == split.TEST else _DEFAULT.validation


def _share(held: Held, side: int) -> float | None:
    """The share that is meant, or None where something else is."""
    flag = "--test" if side == split.TEST else "--validation"
    if isinstance(held, str):
        try:
            held = float(held[:-1]) / 100 if held.endswith("%") else float(held)
        except ValueError:
            return None
    if not isinstance(held, int | float):
        return None
    if not 0 <= held < 1:
        raise InputError(
            _("{flag} {value} is no share").format(flag=flag, value=held),
            expected=_("a share from 0 up to 1, such as 0.1, or a file"),
        )
    return float(held)


def _records(held: Held, records: Records, *, raw: bool) -> Records:
    if not isinstance(held, Records):
        from prosa.data.read import read  # noqa: PLC0415  records in hand need no reader

        found: Records = read(held, kind=records.kind, raw=raw)
        held = found
    if held.kind != records.kind:
        raise InputError(
            _("The records held out are of kind '{kind}'").format(kind=held.kind),
            path=held.source,
            expected=_("kind '{kind}', as the training records").format(kind=records.kind),
        )
    return held

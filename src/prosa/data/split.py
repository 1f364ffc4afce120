"""Which records train, validate and test: by the author's split, a person's choice, or a share.

Shares are dealt by group and seed, never by the order of the rows. A few running texts are cut.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from prosa import files
from prosa.data.duplicates import Mask, Rows
from prosa.data.facts import mapped
from prosa.data.kinds import COLUMNS, Records
from prosa.data.signatures import Hashes
from prosa.errors import InputError
from prosa.i18n import _

Holdout = float | str | Path | Records | None
"""A share (0.1, "0.1", "10%"), a path or name to read, records, or None for the default."""

NAMES = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)

_BLOCK = 65_536

Codes = NDArray[np.int8]
"""For each record its split: `TRAIN`, `VALIDATION` or `TEST`."""


@dataclass(frozen=True)
class Shares:
    """How much is held out.

    Attributes:
        test: Share of all records.
        validation: Share of the records that are not test.
    """

    validation: float = 0.1
    test: float = 0.15


@dataclass(frozen=True)
class Settled:
    """What stands where before anything is dealt out.

    Attributes:
        table: All records, those held out by a person behind the others.
        codes: int8 [records]; `TRAIN` where a record is still free.
        shares: What is to be dealt out of the free ones.
    """

    table: pa.Table
    codes: Codes
    shares: Shares


def settle(
    records: Records,
    validation: Holdout,
    test: Holdout,
    *,
    columns: Mapping[str, str] | None = None,
    raw: bool = False,
) -> Settled:
    """Settle what is held out.

    The author's own split (a column `split`) holds where nothing else is asked for; a share or
    records given for a split take the place of the author's.

    Args:
        records: All there is.
        validation: What to validate on.
        test: What to test on.
        columns: Which column plays which role, where a person has said so: of a file held out too.
        raw: Read files as they stand.

    Raises:
        InputError: A share is out of range, or records of another kind are given.
    """
    codes = _authors_codes(records.table)
    authors = bool(codes.any())
    tables, all_codes = [_columns(records)], [codes]
    shares: dict[int, float] = {}
    for code, asked in {VALIDATION: validation, TEST: test}.items():
        if asked is None:
            stands = authors and (code == TEST or bool((codes == code).any()))
            shares[code] = 0.0 if stands else getattr(Shares, NAMES[code])
            continue
        codes[codes == code] = TRAIN
        share = _share(asked, code)
        shares[code] = share or 0.0
        if share is None:
            other = _read(asked, records, columns, raw=raw)
            tables.append(_columns(other))
            all_codes.append(np.full(other.table.num_rows, code, np.int8))
    return Settled(
        pa.concat_tables(tables, promote_options="default"),
        np.concatenate(all_codes),
        Shares(shares[VALIDATION], shares[TEST]),
    )


def _authors_codes(table: pa.Table) -> Codes:
    codes = np.full(table.num_rows, TRAIN, np.int8)
    if "split" in table.column_names:
        for code in (VALIDATION, TEST):
            named = pc.equal(table.column("split"), pa.scalar(NAMES[code])).fill_null(False)
            codes[np.asarray(named)] = code
    return codes


def _columns(records: Records) -> pa.Table:
    more = [name for name in ("group",) if name in records.table.column_names]
    return records.table.select([*COLUMNS[records.kind], *more])


def _share(asked: Holdout, code: int) -> float | None:
    """The share that is meant, or None where something else is."""
    if isinstance(asked, str):
        try:
            asked = float(asked[:-1]) / 100 if asked.endswith("%") else float(asked)
        except ValueError:
            return None
    if not isinstance(asked, int | float):
        return None
    if not 0 <= asked < 1:
        raise InputError(
            _("{flag} {value} is no share").format(flag=f"--{NAMES[code]}", value=asked),
            expected=_("a share from 0 up to 1, such as 0.1, or a file"),
        )
    return float(asked)


def _read(
    asked: Holdout, records: Records, columns: Mapping[str, str] | None, *, raw: bool
) -> Records:
    """Records held out; a file is read by the same columns as the records, where it has them."""
    if not isinstance(asked, Records):
        from prosa.data.read import read  # noqa: PLC0415  records in hand need no reader

        try:
            asked = read(asked, kind=records.kind, columns=columns or records.columns, raw=raw)
        except InputError:
            # Another file may name its columns otherwise, but not where a person named them; a
            # text file has none.
            asked = read(asked, kind=records.kind, raw=raw)
            if columns and asked.columns != {"text": "text"}:
                raise
    if asked.kind != records.kind:
        raise InputError(
            _("The records held out are of kind '{kind}'").format(kind=asked.kind),
            path=asked.source,
            expected=_("kind '{kind}', as the training records").format(kind=records.kind),
        )
    return asked


def assign(group: Rows, keys: Hashes, shares: Shares, seed: int, codes: Codes) -> Codes:
    """Deal groups of records out to the splits.

    The groups are shuffled by a hash of what they say and the seed, so that the order of the rows
    does not matter, and then taken whole while they fit; the rest trains.

    Args:
        group: int64 [records], the same number where records belong together.
        keys: uint64 [records], the hash of what each record says.
        shares: What to hold out.
        seed: Another seed, another deal.
        codes: int8 [records], `TRAIN` where the record is free, or the split that it is in.

    Returns:
        int8 [records]
    """
    codes = codes.copy()
    for code, share in ((TEST, shares.test), (VALIDATION, shares.validation)):
        free = codes == TRAIN
        wanted = round(int(free.sum()) * share)
        if wanted:
            codes[free & _deal(group, keys, free, wanted, seed + code)] = code
    return codes


def _deal(group: Rows, keys: Hashes, free: Mask, wanted: int, seed: int) -> Mask:
    """Choose whole groups, in shuffled order, that hold `wanted` free records together."""
    salt = np.random.default_rng(seed).integers(0, 1 << 63, dtype=np.uint64)
    shuffled = (keys ^ salt) * np.uint64(0x9E3779B97F4A7C15)
    shuffled ^= shuffled >> np.uint64(29)
    shuffled *= np.uint64(0xBF58476D1CE4E5B9)
    last = np.uint64(np.iinfo(np.uint64).max)
    shuffled[~free] = last
    lot = np.full(int(group.max()) + 1, last)
    np.minimum.at(lot, group, shuffled)
    del shuffled
    sizes = np.bincount(group[free], minlength=len(lot))
    chosen = np.zeros(len(lot), np.bool_)
    left = wanted
    for number in _one_by_one(np.argsort(lot, kind="stable")):
        if 0 < sizes[number] <= left:
            chosen[number] = True
            left -= int(sizes[number])
            if not left:
                break
    return chosen[group]


def _one_by_one(rows: Rows) -> Iterator[int]:
    """Numbers as Python's, some thousand at a time: most are never looked at."""
    for start in range(0, len(rows), _BLOCK):
        yield from rows[start : start + _BLOCK].tolist()


def holds_out_wordings(group: Rows, codes: Codes) -> bool:
    """True if most of the author's test records have a near duplicate in the training part.

    Then the author holds out other wordings of what is trained, not other matters, and what we
    hold out besides is chosen in the same way: record by record.
    """
    test = group[codes == TEST]
    return bool(len(test)) and bool(np.isin(test, group[codes == TRAIN]).mean() > 0.5)


def write_splits(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, kept: Mask, codes: Codes
) -> dict[str, pa.Table]:
    """Write the records that are kept to one memory-mapped table a split, in their order.

    Args:
        batches: All records.
        schema: The columns to write.
        kept: bool [records]
        codes: int8 [records]

    Returns:
        The tables by name, in the order of `NAMES`; empty ones are absent.
    """
    folder = files.scratch()
    used = [code for code in range(len(NAMES)) if (kept & (codes == code)).any()]
    paths = {NAMES[code]: folder / f"{NAMES[code]}.arrow" for code in used}
    with files.full_disk_said(folder), ExitStack() as stack:
        writers = {}
        for name, path in paths.items():
            file = stack.enter_context(pa.OSFile(str(path), "wb"))
            writers[name] = stack.enter_context(pa.ipc.new_file(file, schema))
        start = 0
        for batch in batches:
            rows = slice(start, start + batch.num_rows)
            for code in used:
                mask = kept[rows] & (codes[rows] == code)
                if mask.any():
                    part = batch.select(schema.names).filter(pa.array(mask))
                    writers[NAMES[code]].write_batch(part)
            start += batch.num_rows
    return {name: mapped(path) for name, path in paths.items()}


def cut(
    batches: Iterable[pa.RecordBatch], kept: Mask, codes: Codes, shares: Shares
) -> dict[str, pa.Table]:
    """Cut a few running texts, in their order, into the splits; those that have a split keep it.

    Returns:
        As `write_splits`.
    """
    texts = [str(text) for batch in batches for text in batch.column("text").to_pylist()]
    fixed = [[texts[row] for row in np.flatnonzero(kept & (codes == code))] for code in range(3)]
    parts = cut_texts(fixed[TRAIN], shares)
    fixed[TRAIN] = []
    chosen = [[*parts[name], *more] for name, more in zip(NAMES, fixed, strict=True)]
    lines = pa.array(list(chain.from_iterable(chosen)), pa.string())
    batch = pa.RecordBatch.from_pydict({"text": lines})
    cut_codes = np.repeat(np.arange(3, dtype=np.int8), [len(part) for part in chosen])
    return write_splits([batch], batch.schema, np.ones(len(cut_codes), np.bool_), cut_codes)


def cut_texts(texts: Sequence[str], shares: Shares) -> dict[str, list[str]]:
    """Cut running texts into train, validation and test, one behind the other.

    The shares are of the characters; each cut is made at the nearest border of a paragraph or line.
    """
    total = sum(map(len, texts))
    test = round(total * (1 - shares.test))
    validation = round(test * (1 - shares.validation))
    parts: dict[str, list[str]] = {name: [] for name in NAMES}
    start = 0
    for text in texts:
        first = _border(text, validation - start)
        second = max(first, _border(text, test - start))
        for name, part in zip(
            NAMES, (text[:first], text[first:second], text[second:]), strict=True
        ):
            if part.strip():
                parts[name].append(part.strip("\n"))
        start += len(text)
    return parts


def _border(text: str, place: int) -> int:
    """The nearest place to cut: a blank line close by, a line, a sentence, a word."""
    if place <= 0 or place >= len(text):
        return max(0, min(place, len(text)))
    for mark, reach in (
        ("\n\n", min(1000, len(text) // 200)),
        ("\n", 2000),
        (". ", 500),
        (" ", 100),
    ):
        low, high = max(0, place - reach), min(len(text), place + reach)
        before = text.rfind(mark, low, place)
        after = text.find(mark, place, high)
        ends = [at + len(mark) for at in (before, after) if at >= 0]
        if ends:
            return min(ends, key=lambda end: abs(end - place))
    return place

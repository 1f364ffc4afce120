"""From records as they were read to the splits a model is trained, validated and tested on.

Repair, fingerprints, filters and classic steps in one step over the table; then what is dropped
(empty records, placeholders, filtered ones, copies); then the split. The table lies on disk on its
way: what is held in memory are some bytes a record.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prosa import files
from prosa.data import classic, duplicates, parallel, split
from prosa.data.duplicates import Duplicates
from prosa.data.facts import Facts, Fate
from prosa.data.filters import Filters
from prosa.data.kinds import COLUMNS, SCHEMAS, Kind, Records
from prosa.data.placeholders import placeholders
from prosa.data.report import SPLIT_NAMES, Report, byte_count, describe, note_likeness
from prosa.data.split import Holdout, Settled
from prosa.errors import InputError
from prosa.i18n import _

Progress = Callable[[str, float], None]

# Of the others, the same text with another label, or another question to it, is no copy.
_NEAR_KINDS = (Kind.TEXT, Kind.QUESTION_ANSWER, Kind.CONVERSATION, Kind.PAIR)
_FEW = 10
_RUNNING = 2000


@dataclass(frozen=True)
class PrepareOptions:
    """How records are prepared.

    Attributes:
        clean: Names of classic steps, see `classic.STEPS`.
        validation: What to validate on; a share is of the records that are not test (default 0.1).
        test: What to test on; a share is of all records (default 0.15).
        columns: Which column plays which role in a file held out, where a person has said so.
        raw: Take the records as they stand.
        seed: Of the split.
        near_duplicates: Whether near copies are dropped.
        filters: What else is dropped, see `filters.parse`.
    """

    clean: tuple[str, ...] = ()
    validation: Holdout = None
    test: Holdout = None
    columns: Mapping[str, str] | None = None
    raw: bool = False
    seed: int = 0
    near_duplicates: bool = True
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True)
class Prepared:
    """Prepared records.

    Attributes:
        kind: What they are.
        splits: The tables of "train", "validation" and "test", in this order; empty ones are
            absent. They are memory-mapped.
        report: What was done.
    """

    kind: Kind
    splits: dict[str, pa.Table]
    report: Report


def prepare(
    records: Records,
    options: PrepareOptions | None = None,
    *,
    progress: Progress | None = None,
) -> Prepared:
    """Clean, deduplicate and split records.

    Args:
        records: What was read.
        options: How.
        progress: Called with a stage ("repair") and the share of it that is done.

    Raises:
        InputError: A cleaning step is unknown, a share is out of range, or no record is left.
    """
    options = options or PrepareOptions()
    settings: dict[str, Any] = {
        "kind": records.kind,
        "steps": classic.checked(options.clean),
        "filters": asdict(options.filters),
    }
    settled = split.settle(
        records, options.validation, options.test, columns=options.columns, raw=options.raw
    )
    report = Report(records.kind, dict(records.columns), records=settled.table.num_rows)
    report.notes += records.notes
    if options.raw:
        return _raw(records, options, settled, report)
    stored = parallel.transform(
        settled.table,
        settings,
        progress=(lambda share: progress("repair", share)) if progress else None,
    )
    pa.default_memory_pool().release_unused()
    facts = Facts.read(stored, settings)
    alike = _drop(facts, settled, options)
    facts.texts.clear()  # the split needs room
    describe(report, settled.table, facts, options.filters)
    if not report.kept:
        raise _nothing_left(report, records.source)
    splits, grouped = _split(facts, settled, alike, options)
    report.splits = {name: table.num_rows for name, table in splits.items()}
    report.bytes = sum(map(byte_count, splits.values()))
    missing = [
        name for name, share in asdict(settled.shares).items() if share and name not in splits
    ]
    if missing:
        text = _("Too few records to hold any out for: {parts}")
        parts = ", ".join(_(SPLIT_NAMES[name]) for name in missing)
        report.notes.append(text.format(parts=parts))
    note_likeness(report, settled.codes == split.TRAIN, facts, alike, grouped=grouped)
    return Prepared(records.kind, splits, report)


def save(prepared: Prepared, output: str | Path, *, overwrite: bool = False) -> Path:
    """Write train.parquet, validation.parquet, test.parquet and the report, prosa.json.

    Args:
        prepared: What `prepare` made.
        output: The folder to be.
        overwrite: Replace an existing folder.

    Returns:
        The folder.

    Raises:
        InputError: The folder exists.
        ProsaError: The disk is full.
    """
    with files.replacing(output, overwrite=overwrite) as folder:
        for name, table in prepared.splits.items():
            path = str(folder / f"{name}.parquet")
            with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
                for batch in parallel.batches(table):
                    writer.write_batch(batch)
        text = json.dumps({"prepared": prepared.report.to_json()}, ensure_ascii=False, indent=2)
        (folder / "prosa.json").write_text(text + "\n", encoding="utf-8")
    return Path(output)


def _drop(facts: Facts, settled: Settled, options: PrepareOptions) -> Duplicates:
    """Decide which records go: placeholders, what a filter rejects, copies and near copies."""
    kind, stored = facts.kind, facts.stored
    for name, column in facts.names.items():
        if SCHEMAS[kind].field(name).type == pa.string():

            def texts(column: str = column) -> Iterator["pa.Array[Any]"]:
                return (batch.column(column) for batch in stored.batches([column]))

            masks = [*placeholders(texts, answers=name == "answer")]
            facts.drop(np.concatenate([*masks, np.empty(0, np.bool_)]), Fate.PLACEHOLDER)
    facts.drop(facts.filter > 0, Fate.FILTERED)
    # A record held out by a person stays where a copy of it would train.
    free = settled.codes == split.TRAIN
    alike = duplicates.find(
        facts.exact,
        facts.texts,
        usable=facts.kept,
        held_out=~free,
        keep_short=kind in (Kind.TEXT, Kind.LABELLED),
        near=options.near_duplicates and kind in _NEAR_KINDS,
    )
    facts.drop(alike.exact & free, Fate.EXACT_DUPLICATES)
    facts.drop(alike.near & free, Fate.NEAR_DUPLICATES)
    return alike


def _split(
    facts: Facts, settled: Settled, alike: Duplicates, options: PrepareOptions
) -> tuple[dict[str, pa.Table], bool]:
    """Cut a few running texts, or deal out many records; and whether that was done by group."""
    kind, stored, kept = facts.kind, facts.stored, facts.kept
    codes, group = settled.codes, alike.group
    free = kept & (codes == split.TRAIN)
    names = [*COLUMNS[kind]]
    few = kind is Kind.TEXT and free.sum() < _FEW
    if few and stored.arrays(["#bytes"])[0][free].sum() >= _RUNNING:
        return split.cut(stored.batches(names), kept, codes, settled.shares), False
    if "group" in settled.table.column_names:
        group = _with_author_groups(group, settled.table.column("group"))
    grouped = not split.holds_out_wordings(group[kept], codes[kept])
    if not grouped:
        group = np.arange(len(group))
    dealt = codes.copy()
    dealt[kept] = split.assign(
        group[kept], facts.exact[kept], settled.shares, options.seed, codes[kept]
    )
    return split.write_splits(stored.batches(names), SCHEMAS[kind], kept, dealt), grouped


def _with_author_groups(group: duplicates.Rows, column: "pa.ChunkedArray[Any]") -> duplicates.Rows:
    """Join the groups that were found with those that the author gave."""
    codes = column.combine_chunks().dictionary_encode().indices
    known = np.flatnonzero(np.asarray(codes.is_valid()))
    _names, first, inverse = np.unique(
        np.asarray(codes.drop_null()), return_index=True, return_inverse=True
    )
    rows = np.arange(len(group))
    edges = [np.stack([group, rows], axis=1), np.stack([known[first][inverse], known], axis=1)]
    return duplicates.connected(len(group), np.concatenate(edges))


def _raw(records: Records, options: PrepareOptions, settled: Settled, report: Report) -> Prepared:
    """Records as they stand; held out is only what was asked for."""
    if options.filters.active:
        raise InputError(
            _("--raw takes the records as they stand, and --filter drops some"),
            hint=_("Leave one of the two out"),
        )
    shares = replace(
        settled.shares,
        validation=settled.shares.validation if options.validation is not None else 0.0,
        test=settled.shares.test if options.test is not None else 0.0,
    )
    table = settled.table.select(COLUMNS[records.kind])
    rows = np.arange(table.num_rows)
    codes = settled.codes
    if shares.validation or shares.test:
        keys = np.random.default_rng(options.seed).permutation(rows).astype(np.uint64)
        codes = split.assign(rows, keys, shares, options.seed, codes)
    splits = {"train": table}
    if (codes != split.TRAIN).any():
        splits = split.write_splits(parallel.batches(table), table.schema, rows >= 0, codes)
    report.kept = table.num_rows
    report.bytes = byte_count(table)
    report.splits = {name: part.num_rows for name, part in splits.items()}
    return Prepared(records.kind, splits, report)


def _nothing_left(report: Report, source: str) -> InputError:
    dropped = report.dropped
    return InputError(
        _("No record is left of {n}: {empty} empty, {placeholder} placeholders").format(
            n=report.records, empty=dropped.empty, placeholder=dropped.placeholder
        ),
        path=source,
        hint=_("Check which column was read, with: prosa inspect"),
    )

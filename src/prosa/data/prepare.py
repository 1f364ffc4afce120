"""From records as they were found to the splits a model is trained, validated and tested on.

Repair, placeholders, duplicates, classic steps and filters, and the split, in this order, over
memory-mapped tables: nothing holds the whole of a large set.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prosa import files
from prosa.data import batches, classic, duplicates, fields, sides, split
from prosa.data.filters import Filters
from prosa.data.held import Held, Plan, plan
from prosa.data.kinds import COLUMNS, Kind, Records
from prosa.data.marks import Fate, Fates, Marks, read_marks
from prosa.data.placeholders import placeholders
from prosa.data.repair import Repair
from prosa.data.report import Report, difference, excerpt
from prosa.errors import InputError
from prosa.i18n import _, ngettext

Progress = Callable[[str, float], None]

# Of the others, the same text with another label, or another question to it, is no copy.
_NEAR_KINDS = (Kind.TEXT, Kind.QUESTION_ANSWER, Kind.CONVERSATION, Kind.PAIR)
_FEW = 10
_RUNNING = 2000
_EXAMPLES = 3


@dataclass(frozen=True)
class PrepareOptions:
    """How records are prepared.

    Attributes:
        clean: Names of classic steps, see `classic.STEPS`.
        validation: What to validate on; a share is of the records that are not test (default 0.1).
        test: What to test on; a share is of all records (default 0.15).
        raw: Take the records as they stand.
        seed: Of the split.
        near_duplicates: Whether near copies are dropped.
        filters: What else is dropped.
    """

    clean: tuple[str, ...] = ()
    validation: Held = None
    test: Held = None
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
        progress: Called with a stage ("repair", "clean") and the share of it that is done.

    Raises:
        InputError: A cleaning step is unknown, a share is out of range, or no record is left.
    """
    options = options or PrepareOptions()
    steps = classic.checked(options.clean)
    held = plan(records, options.validation, options.test, raw=options.raw)
    report = Report(records.kind, dict(records.columns), records=held.table.num_rows)
    report.notes += records.notes
    if options.raw:
        return _raw(records, options, held, report)

    def stage(name: str) -> Callable[[float], None] | None:
        return (lambda share: progress(name, share)) if progress else None

    settings: dict[str, Any] = {"kind": records.kind}
    mended = batches.transform(
        held.table, "prosa.data.passes:mend", settings, progress=stage("repair")
    )
    marks = read_marks(mended, records.kind)
    fates = Fates(held.table.num_rows)
    found = _drop(mended, marks, held, fates, options, records.kind)
    shaped = mended.select(COLUMNS[records.kind])
    if steps or options.filters.active:
        settings |= {"steps": steps, "filters": asdict(options.filters)}
        shaped = batches.transform(
            shaped, "prosa.data.passes:shape", settings, progress=stage("clean")
        )
        fates.mark(np.asarray(shaped.column("#filtered")), Fate.FILTERED)
        fates.mark(np.asarray(shaped.column("#empty")), Fate.EMPTY)
        shaped = shaped.select(COLUMNS[records.kind])
    _describe(report, held.table, mended, marks, fates)
    if not report.kept:
        raise _nothing_left(report, records.source)
    splits = _split(shaped, marks, held, fates.kept, found.group, options)
    _describe_splits(report, splits, held)
    _note_likeness(report, held.sides, fates, found)
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
                for batch in batches.batches(table):
                    writer.write_batch(batch)
        text = json.dumps({"prepared": prepared.report.to_json()}, ensure_ascii=False, indent=2)
        (folder / "prosa.json").write_text(text + "\n", encoding="utf-8")
    return Path(output)


def _drop(
    table: pa.Table, marks: Marks, held: Plan, fates: Fates, options: PrepareOptions, kind: Kind
) -> duplicates.Found:
    """Decide which records go: empty ones, placeholders, copies and near copies."""
    fates.mark(marks.bytes == 0, Fate.EMPTY)
    for name in fields.WRITTEN[kind]:
        column = table.column(name)
        if pa.types.is_string(column.type):
            fates.mark(np.asarray(pc.binary_length(column)) == 0, Fate.EMPTY)
            fates.mark(placeholders(column, answers=name == "answer"), Fate.PLACEHOLDER)
    # A record held out by a person stays where a copy of it would train.
    order = np.argsort(held.sides == split.TRAIN, kind="stable")
    found = duplicates.find(
        marks.exact,
        marks.facets,
        lambda facet, row: fields.said(table.column(fields.FACETS[kind][facet])[row].as_py()),
        usable=fates.kept,
        order=order,
        keep_short=kind in (Kind.TEXT, Kind.LABELLED),
        near=options.near_duplicates and kind in _NEAR_KINDS,
    )
    free = held.sides == split.TRAIN
    fates.mark(found.exact & free, Fate.EXACT_DUPLICATES)
    fates.mark(found.near & free, Fate.NEAR_DUPLICATES)
    return found


def _split(
    table: pa.Table,
    marks: Marks,
    held: Plan,
    kept: duplicates.Mask,
    group: duplicates.Rows,
    options: PrepareOptions,
) -> dict[str, pa.Table]:
    """Cut a few running texts, or deal out many records by group."""
    free = kept & (held.sides == split.TRAIN)
    few = int(free.sum()) < _FEW and int(marks.bytes[free].sum()) >= _RUNNING
    if few and table.column_names == ["text"]:
        return sides.cut(table, kept, held.sides, held.shares)
    if "group" in held.table.column_names:
        group = _with_author_groups(group, held.table.column("group"))
    if sides.tests_kin(group[kept], held.sides[kept]):
        group = np.arange(len(group))
    dealt = held.sides.copy()
    dealt[kept] = split.assign(
        group[kept], marks.exact[kept], held.shares, options.seed, held.sides[kept]
    )
    return sides.deal(table, kept, dealt)


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


def _raw(records: Records, options: PrepareOptions, held: Plan, report: Report) -> Prepared:
    """Records as they stand; held out is only what was asked for."""
    asked = replace(
        held.shares,
        validation=held.shares.validation if options.validation is not None else 0.0,
        test=held.shares.test if options.test is not None else 0.0,
    )
    table = held.table.select(COLUMNS[records.kind])
    rows = np.arange(table.num_rows)
    dealt = held.sides
    if asked.validation or asked.test:
        keys = np.random.default_rng(options.seed).permutation(rows).astype(np.uint64)
        dealt = split.assign(rows, keys, asked, options.seed, held.sides)
    splits = {"train": table}
    if (dealt != split.TRAIN).any():
        splits = sides.deal(table, rows >= 0, dealt)
    report.kept = table.num_rows
    report.bytes = _bytes(table)
    report.splits = {name: part.num_rows for name, part in splits.items()}
    return Prepared(records.kind, splits, report)


def _bytes(table: pa.Table) -> int:
    """UTF-8 bytes of the texts of a table; where they are nested, what Arrow needs for them."""
    return sum(
        int(pc.sum(pc.binary_length(column)).as_py() or 0)
        if pa.types.is_string(column.type)
        else int(column.nbytes)
        for column in table.columns
    )


def _describe(
    report: Report, source: pa.Table, mended: pa.Table, marks: Marks, fates: Fates
) -> None:
    """Count what happened, and pick examples."""
    report.kept = int(fates.kept.sum())
    for fate in list(Fate)[1:]:
        name = fate.name.lower()
        setattr(report.dropped, name, fates.count(fate))
        examples = [_told(mended, report.kind, row) for row in fates.some(fate, _EXAMPLES)]
        if fate is not Fate.EMPTY:
            report.dropped_examples[name] = [excerpt(text) for text in dict.fromkeys(examples)]
    changed = fates.kept & (marks.repair != 0)
    report.repaired = int(changed.sum())
    shown = np.zeros(len(changed), np.bool_)
    for what in list(Repair):
        of_this = changed & ((marks.repair & what) != 0)
        report.repairs[what] = int(of_this.sum())
        if what is not Repair.SPACES:
            alone = of_this & (marks.repair == what)
            telling = alone if alone.any() else of_this & ~shown
            for row in np.flatnonzero(telling)[:2].tolist():
                shown[row] = True
                before, after = (_told(table, report.kind, row) for table in (source, mended))
                report.examples.append(difference(before, after))


def _told(table: pa.Table, kind: Kind, row: int) -> str:
    """A record on one line."""
    names = fields.WRITTEN[kind]
    return " | ".join(fields.said(table.column(name)[row].as_py() or "") for name in names)


def _describe_splits(report: Report, splits: dict[str, pa.Table], held: Plan) -> None:
    report.splits = {name: table.num_rows for name, table in splits.items()}
    report.bytes = sum(map(_bytes, splits.values()))
    asked = {"validation": held.shares.validation, "test": held.shares.test}
    for name, share in asked.items():
        if share and name not in splits:
            report.notes.append(
                _("Too few records to hold any out for '{name}': all of them train").format(
                    name=name
                )
            )


def _note_likeness(
    report: Report, sides_: split.Sides, fates: Fates, found: duplicates.Found
) -> None:
    """Say what is alike between the sides, or stays although it repeats."""
    copies = np.flatnonzero(found.copy_of >= 0)
    dropped = copies[~fates.kept[copies]]
    repeated = int((sides_[found.copy_of[dropped]] != split.TRAIN).sum())
    if repeated:
        report.notes.append(
            ngettext(
                "{n} training record that repeats one held out was dropped",
                "{n} training records that repeat one held out were dropped",
                repeated,
            ).format(n=repeated)
        )
    if found.repeats:
        report.notes.append(
            ngettext(
                "{n} short record says what another says; it stays, on the same side of the split",
                "{n} short records say what others say; they stay, on the same side of the split",
                found.repeats,
            ).format(n=found.repeats)
        )
    if found.threshold > duplicates.GROUPED:
        report.notes.append(
            _(
                "Much of this set is alike: only records that share {share:.0%} of their text "
                "are kept on one side of the split"
            ).format(share=found.threshold)
        )


def _nothing_left(report: Report, source: str) -> InputError:
    dropped = report.dropped
    return InputError(
        _("No record is left of {n}: {empty} empty, {placeholder} placeholders").format(
            n=report.records, empty=dropped.empty, placeholder=dropped.placeholder
        ),
        path=source,
        hint=_("Check which column was read, with: prosa inspect"),
    )

"""The door of the data room: anything a person has becomes `Records`.

What is read: txt, md, csv, tsv, json, jsonl, yaml and parquet files, packed or not, alone or in
folders; standard input; the bundled samples; data sets of the Hugging Face hub; and the frames,
tables and lists of Python. What it is, `recognise` says; nothing is repaired or left out here.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from prosa.data import objects
from prosa.data.decoding import EmptyFileError, unreadable
from prosa.data.json import too_deep
from prosa.data.kinds import ROWS, Batch, Kind, Records, Source, in_batches, rows_of, values
from prosa.data.open import (
    Options,
    data_in,
    format_of,
    open_file,
    open_stream,
    splits_of,
    unknown_source,
)
from prosa.data.recognise import EXTRA, Recipe, recognise
from prosa.data.shape import Shaper
from prosa.data.text import checked_layout
from prosa.errors import InputError
from prosa.files import full_disk_said, scratch
from prosa.i18n import _

IN_MEMORY = 32 << 20
"""Bytes of finished rows that stay in memory; more go to a memory-mapped file."""

_WRITTEN = 8 << 20
STANDARD_INPUT = "-"

_HEAD_BYTES = 4 << 20
_NOTES = 12

Part = tuple[Source, str | None]
"""A source, and the split that all of it belongs to, if any."""


def read(
    source: Any,
    *,
    kind: Kind | str | None = None,
    columns: Mapping[str, str] | None = None,
    raw: bool = False,
    records: str | None = None,
) -> Records:
    """Read data and find out what it holds.

    Args:
        source: A path to a file or a folder, "-" for standard input, the name of a bundled sample,
            the id of a data set on the Hugging Face hub (org/name, org/name/config,
            org/name:split); or a pandas, polars or pyarrow table, a data set of `datasets`, a list
            of dictionaries or of strings.
        kind: What each record is, where recognition shall not decide.
        columns: Which column plays which role, where recognition shall not decide:
            {"text": "headline"}.
        raw: Every line of a text file is a record as it stands.
        records: What a record of a text file is: "line", "paragraph" or "file".

    Returns:
        The records; a table beyond 32 MB is memory-mapped, so that it may be larger than memory.

    Raises:
        InputError: There is no such source, it is empty or broken, or it does not hold what was
            asked for; the message says where and what to do.
        ProsaError: The disk for working files is full.
    """
    layout = checked_layout(records)
    options = Options("raw" if raw else layout, tuple((columns or {}).values()))
    parts, name, notes = _opened(source, options)
    try:
        return _merged(parts, name, notes, _checked(kind), dict(columns or {}))
    except RecursionError as error:
        raise too_deep(name) from error


def _opened(source: Any, options: Options) -> tuple[Iterable[Part], str, tuple[str, ...]]:
    """The parts of a source, what it is called, and notes on it."""
    if not isinstance(source, str | os.PathLike):
        parts = objects.open_object(source)
        name = parts[0][0].name if len(parts) == 1 else f"<{type(source).__name__}>"
        return parts, name, ()
    text = os.fspath(source)
    if text == STANDARD_INPUT:
        name = _("standard input")
        return [(open_stream(None, options, name), None)], name, ()
    path = Path(text).expanduser()
    if _exists(path):
        if path.is_dir():
            return _folder(path, options)
        return [(open_file(path, options), None)], text, ()
    from prosa import samples  # noqa: PLC0415  it brings its texts along

    if text in samples.NAMES:
        note = _("The bundled sample '{name}'").format(name=text)
        return [(objects.from_iterable(lambda: samples.rows(text), text), None)], text, (note,)
    in_folder = path.parent != Path() and path.parent.is_dir()
    if objects.is_hub_id(text) and not in_folder and format_of(path) is None:
        return objects.open_object(objects.load_from_hub(text)), text, ()
    raise unknown_source(text, tuple(samples.NAMES))


def _folder(path: Path, options: Options) -> tuple[Iterable[Part], str, tuple[str, ...]]:
    files, notes = data_in(path)
    splits = splits_of(files)
    if splits:
        notes += (_("The files' names give the split: train, validation, test"),)
    elif sum(format_of(file) == "text" for file in files) > 1:
        options = replace(options, among_others=True)

    def parts() -> Iterator[Part]:
        for file in files:
            try:
                yield open_file(file, options), splits.get(file)
            except EmptyFileError:
                note = _("{name}: empty, passed over").format(name=file)
                yield replace(objects.from_iterable(tuple, str(file)), notes=(note,)), None

    return parts(), str(path), notes


def _merged(
    parts: Iterable[Part],
    name: str,
    notes: tuple[str, ...],
    kind: Kind | None,
    columns: dict[str, str],
) -> Records:
    first: tuple[str, Recipe] | None = None
    said = dict.fromkeys(notes)

    def shaped() -> Iterator[pa.RecordBatch]:
        nonlocal first, said
        for source, split in parts:
            said |= dict.fromkeys(source.notes)
            with closing(source.batches()) as batches:
                recipe, begun = _recipe(source, batches, kind, columns)
                if recipe is None:
                    continue
                first = first or (source.name, recipe)
                if first[1].kind != recipe.kind:
                    raise _disagree(recipe.kind, source.name, first[1].kind, first[0])
                said |= dict.fromkeys(() if source.plain else recipe.describe())
                rest: Iterator[Batch] = chain(iter(begun), batches)
                del begun  # the iterator lets go of it at its end
                if source.by_column:
                    batches.close()
                    rest = source.batches(recipe.needed)
                yield from map(Shaper(recipe, source.name, split).batch, rest)

    table = _collected(batch for batch in shaped() if batch.num_rows)
    if table is None or first is None:
        raise InputError(
            _("There are no records in this"), path=name, expected=_("at least one row of data")
        )
    recipe = first[1]
    table = _without_empty_extras(table)
    return Records(recipe.kind, table, name, recipe.columns, _few(list(said)), columns)


def _collected(batches: Iterator[pa.RecordBatch]) -> pa.Table | None:
    """Rows as a table: in memory while they are few, else in a memory-mapped file.

    The file has no name any more, so that nothing is left on the disk even after a kill; where the
    system does not allow that (Windows), it goes at exit.
    """
    few: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        few.append(batch)
        size += batch.nbytes
        if size > IN_MEMORY:
            break
    else:
        return pa.Table.from_batches(few) if few else None
    path = scratch() / "records.arrow"
    schema, rest = few[0].schema, chain(iter(few), batches)
    del few  # the iterator lets go of it at its end
    hint = _("Make room, or set PROSA_CACHE to a folder on another disk")
    try:
        with (
            full_disk_said(path.parent, hint=hint),
            path.open("wb") as file,
            pa.ipc.new_file(file, schema) as writer,
        ):
            # Joined: of thousands of small batches, each would keep some pages in memory.
            for large in in_batches(rest, attrgetter("nbytes"), _WRITTEN):
                writer.write_table(pa.Table.from_batches(large).combine_chunks())
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    finally:
        with suppress(OSError):
            path.unlink()


def _recipe(
    source: Source, batches: Iterator[Batch], kind: Kind | None, columns: dict[str, str]
) -> tuple[Recipe | None, list[Batch]]:
    """What a source holds (None where it has no rows), and the batches that were looked at."""
    if source.plain:
        if kind not in (None, Kind.TEXT) or columns:
            raise InputError(
                _("Plain text has no columns; it can be read as text only"),
                path=source.name,
                expected="csv, tsv, json, jsonl, yaml, parquet",
                hint=_("Leave out --kind and --column, or give a file with columns"),
            )
        return Recipe(Kind.TEXT, {"text": ("text",)}), []
    head, begun = _head(batches)
    if not rows_of(head):
        return None, []
    return recognise(head, source.name, kind, columns), begun


def _head(batches: Iterator[Batch]) -> tuple[Batch, list[Batch]]:
    """The first rows, some thousand or some megabytes, and the batches they are from."""
    head: dict[str, list[Any]] = {}
    begun: list[Batch] = []
    rows, room = 0, _HEAD_BYTES
    for batch in batches:
        begun.append(batch)
        count = rows_of(batch)
        size = sum(column.nbytes for column in batch.values() if not isinstance(column, list))
        take = min(count, max(50, count * room // max(1, size)))
        for name in head | batch:
            column = head.setdefault(name, [None] * rows)
            column.extend(values(batch[name][:take]) if name in batch else [None] * take)
        rows += take
        room -= size
        if rows >= ROWS or room <= 0:
            break
    return dict(head), begun


def _checked(kind: Kind | str | None) -> Kind | None:
    try:
        return None if kind is None else Kind(kind)
    except ValueError as error:
        raise InputError(
            _("There is no kind of data '{kind}'").format(kind=kind), expected=", ".join(Kind)
        ) from error


def _disagree(kind: Kind, name: str, first: Kind, first_name: str) -> InputError:
    message = _("This holds {kind}, but '{other}' holds {other_kind}")
    return InputError(
        message.format(kind=kind, other=first_name, other_kind=first),
        path=name,
        expected=_("one kind of data in a folder"),
        hint=_("Take one of them away, or say with --kind how to read both"),
    )


def _without_empty_extras(table: pa.Table) -> pa.Table:
    for name in EXTRA:
        column = table[name]
        if column.null_count == len(column):
            table = table.drop_columns([name])
        elif name == "split" and column.null_count:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, column.fill_null("train"))  # type: ignore[arg-type]
    return table


def _few(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - _NOTES
    return (*notes[:_NOTES], *([_("{n} more notes").format(n=more)] if more > 0 else []))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except ValueError:  # a zero byte
        return False
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise unreadable(str(path), error) from error

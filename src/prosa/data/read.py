"""The door of the data room: anything a person has becomes `Records`.

What is read: txt, md, csv, tsv, json, jsonl, yaml and parquet files, packed or not, alone or in
folders; standard input; the bundled samples; data sets of the Hugging Face hub; and the frames,
tables and lists of Python. What it is, `recognise` says; nothing is repaired or left out here.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from prosa.data import folders, formats, frames
from prosa.data.chunks import ROWS, Chunk, Source, Spool, length, values
from prosa.data.decoding import EmptyFileError, unreadable
from prosa.data.formats import Options
from prosa.data.kinds import Kind, Records
from prosa.data.recognise import EXTRA, Recipe, recognise
from prosa.data.shapes import Shaper
from prosa.data.textfiles import checked_layout
from prosa.errors import InputError
from prosa.i18n import _

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
    options = Options(raw, checked_layout(records))
    parts, name, notes = _opened(source, options)
    return _merged(parts, name, notes, _checked(kind), dict(columns or {}))


def _opened(source: Any, options: Options) -> tuple[Iterable[Part], str, tuple[str, ...]]:
    """The parts of a source, what it is called, and notes on it."""
    if not isinstance(source, str | os.PathLike):
        parts = frames.open_object(source)
        name = parts[0][0].name if len(parts) == 1 else f"<{type(source).__name__}>"
        return parts, name, ()
    text = os.fspath(source)
    if text == STANDARD_INPUT:
        name = _("standard input")
        return [(formats.open_stream(None, options, name), None)], name, ()
    path = Path(text).expanduser()
    if _exists(path):
        if path.is_dir():
            return _folder(path, options)
        return [(formats.open_file(path, options), None)], text, ()
    from prosa import samples  # noqa: PLC0415  it brings its texts along

    if text in samples.NAMES:
        rows = frames.from_iterable(lambda: samples.rows(text), text)
        return [(rows, None)], text, (_("The bundled sample '{name}'").format(name=text),)
    from prosa.data import hub  # noqa: PLC0415  0.1 s of network modules

    in_folder = path.parent != Path() and path.parent.is_dir()
    is_path = in_folder or formats.format_of(path) is not None
    if hub.is_id(text) and not is_path:
        return frames.open_object(hub.load(text)), text, ()
    raise folders.unknown(text, tuple(samples.NAMES))


def _folder(path: Path, options: Options) -> tuple[Iterable[Part], str, tuple[str, ...]]:
    files, notes = folders.files_in(path)
    splits = folders.splits_of(files)
    texts = sum(formats.format_of(file) == "text" for file in files)
    if splits:
        notes += (_("The files' names give the split: train, validation, test"),)
    elif texts > 1:
        options = formats.among_others(options)

    def parts() -> Iterator[Part]:
        for file in files:
            try:
                yield formats.open_file(file, options), splits.get(file)
            except EmptyFileError:
                note = _("{name}: empty, passed over").format(name=file)
                yield Source(str(file), frames.nothing, (note,)), None

    return parts(), str(path), notes


def _merged(
    parts: Iterable[Part],
    name: str,
    notes: tuple[str, ...],
    kind: Kind | None,
    columns: dict[str, str],
) -> Records:
    first: tuple[str, Recipe] | None = None
    told = dict.fromkeys(notes)
    with closing(Spool()) as spool:
        for source, split in parts:
            recipe = _recipe(source, kind, columns)
            told |= dict.fromkeys(source.notes)
            if recipe is None:
                continue
            first = first or (source.name, recipe)
            if first[1].kind != recipe.kind:
                raise _disagree(*first, source.name, recipe)
            told |= dict.fromkeys(() if source.plain else recipe.told())
            shaper = Shaper(recipe, source.name, split)
            for chunk in source.chunks(recipe.needed):
                spool.add(shaper.batch(chunk))
        if first is None or not spool.rows:
            raise InputError(
                _("There are no records in this"), path=name, expected=_("at least one row of data")
            )
        table = _without_empty_extras(spool.table())
    return Records(first[1].kind, table, name, first[1].columns, _few(list(told)))


def _recipe(source: Source, kind: Kind | None, columns: dict[str, str]) -> Recipe | None:
    """What a source holds; None where it has no rows."""
    if source.plain:
        if kind not in (None, Kind.TEXT) or columns:
            raise InputError(
                _("Plain text has no columns; it can be read as text only"),
                path=source.name,
                expected="csv, tsv, json, jsonl, yaml, parquet",
                hint=_("Leave out --kind and --column, or give a file with columns"),
            )
        return Recipe(Kind.TEXT, {"text": ("text",)})
    head = _head(source)
    if not length(head):
        return None
    return recognise(head, source.name, kind=kind, columns=columns)


def _head(source: Source) -> Chunk:
    """The first rows of a source: some thousand, or some megabytes."""
    head: dict[str, list[Any]] = {}
    rows, room = 0, _HEAD_BYTES
    with closing(source.chunks(None)) as chunks:
        for chunk in chunks:
            count = length(chunk)
            arrow = [column.nbytes for column in chunk.values() if not isinstance(column, list)]
            take = min(count, max(50, count * room // max(1, sum(arrow))))
            for name in head | chunk:
                column = head.setdefault(name, [None] * rows)
                column.extend(values(chunk[name][:take]) if name in chunk else [None] * take)
            rows += take
            room -= sum(arrow)
            if rows >= ROWS or room <= 0:
                break
    return dict(head)


def _checked(kind: Kind | str | None) -> Kind | None:
    try:
        return None if kind is None else Kind(kind)
    except ValueError as error:
        raise InputError(
            _("There is no kind of data '{kind}'").format(kind=kind), expected=", ".join(Kind)
        ) from error


def _disagree(one: str, its: Recipe, other: str, others: Recipe) -> InputError:
    return InputError(
        _("This holds {kind}, but '{other}' holds {other_kind}").format(
            kind=others.kind, other=one, other_kind=its.kind
        ),
        path=other,
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
            filled = [part.fill_null("train") for part in column.chunks]
            table = table.set_column(place, name, pa.chunked_array(filled, pa.string()))
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

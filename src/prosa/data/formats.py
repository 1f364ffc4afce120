"""Files by format: one file in, one `Source` out, whatever its suffix and packing."""

import sys
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from prosa.data import jsons, tabular, textfiles, yamls
from prosa.data.chunks import Chunks, Source, from_arrow
from prosa.data.decoding import TextFile, open_bytes, survey, unreadable
from prosa.errors import InputError
from prosa.files import full_disk_said, scratch
from prosa.i18n import _

SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".csv": "table",
    ".tsv": "table",
    ".tab": "table",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PACKED = (".gz", ".zst", ".bz2")
ACCEPTED = "txt, md, csv, tsv, json, jsonl, yaml, parquet (+ .gz, .zst, .bz2)"

_COPY = 1 << 20
_ROWS = 512


@dataclass(frozen=True)
class Options:
    """How files are read, where the person says it.

    Attributes:
        raw: Every line of a text file is a record as it stands.
        records: What a record of a text file is.
        among_others: The file lies in a folder with other text files.
    """

    raw: bool = False
    records: textfiles.Layout | None = None
    among_others: bool = False


def format_of(path: Path) -> str | None:
    """The format that a file's name tells: "text", "table", "json", "yaml", "parquet", or None."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def stem_of(path: Path) -> str:
    """A file's name without the suffixes we know: "train" for "train.jsonl.gz"."""
    name = path.name
    for suffixes in (PACKED, tuple(SUFFIXES)):
        for suffix in suffixes:
            if name.lower().endswith(suffix):
                name = name[: -len(suffix)]
                break
    return name


def open_file(path: Path, options: Options, name: str | None = None) -> Source:
    """Open a file of data.

    Args:
        path: The file.
        options: How to read it.
        name: What messages call it; its path by default.

    Raises:
        InputError: It is empty, is not data, or its name has a suffix that we do not read.
    """
    name = name or str(path)
    if not path.is_file():  # a pipe, such as <(command): it can be read only once
        return open_stream(path, options, name)
    form = format_of(path)
    if _magic(path, name) == b"PAR1":
        return _parquet(path, name)
    if form == "parquet":
        survey(path, name)  # says what it is instead
        raise _no_parquet(name)
    if form is None and path.suffix and path.suffix not in PACKED:
        raise InputError(
            _("Files of type '{suffix}' are not read").format(suffix=path.suffix),
            path=name,
            expected=ACCEPTED,
            hint=_(
                "Save it as one of those, or pass its text through a pipe: cat FILE | prosa … -"
            ),
        )
    return _text_based(survey(path, name), form, path.suffixes, options)


def open_stream(path: Path | None, options: Options, name: str) -> Source:
    """Open standard input, or a pipe: its content is kept in a working file and tells its format.

    Args:
        path: The pipe; None is standard input.
        options: How to read it.
        name: What messages call it.

    Raises:
        InputError: It is empty, or is not data.
    """
    kept = scratch() / "input"
    try:
        with (
            full_disk_said(kept.parent),
            kept.open("wb") as file,
            path.open("rb") if path else nullcontext(sys.stdin.buffer) as stream,
        ):
            while block := stream.read(_COPY):
                file.write(block)
    except OSError as error:
        raise unreadable(name, error) from error
    return open_file(kept, options, name)


def _text_based(file: TextFile, form: str | None, suffixes: list[str], options: Options) -> Source:
    if form is None:
        if not options.raw and jsons.looks_json(file):
            form = "json"
        else:
            form = "table" if not options.raw and tabular.looks_tabular(file) else "text"
    if form == "json":
        return Source(file.name, lambda _wanted: jsons.read_json(file), file.notes)
    if form == "yaml":
        return Source(file.name, lambda _wanted: yamls.read_yaml(file), file.notes)
    if form == "table":
        dialect = tabular.sniff(file, tabs=".tsv" in suffixes or ".tab" in suffixes)
        told = tabular.describe(dialect)
        notes = (*file.notes, told) if told else file.notes
        return Source(file.name, lambda _wanted: tabular.read_table(file, dialect), notes)
    if options.raw:
        notes = (*file.notes, _("Raw text: a record is a line as it stands"))
        return Source(file.name, lambda _wanted: textfiles.read_raw(file), notes, plain=True)
    layout = options.records or textfiles.layout_of(file, among_others=options.among_others)
    notes = (*file.notes, textfiles.describe(file, layout))
    return Source(file.name, lambda _wanted: textfiles.read_text(file, layout), notes, plain=True)


def _magic(path: Path, name: str) -> bytes:
    with open_bytes(path, name) as file:
        return file.read(4)


def _parquet(path: Path, name: str) -> Source:
    import pyarrow as pa  # noqa: PLC0415  only parquet needs it here
    import pyarrow.parquet as pq  # noqa: PLC0415

    def chunks(wanted: Collection[str] | None) -> Chunks:
        try:
            with pq.ParquetFile(path, memory_map=True) as file:
                columns = [n for n in file.schema_arrow.names if wanted is None or n in wanted]
                for batch in file.iter_batches(_ROWS, columns=columns, use_threads=False):
                    yield from from_arrow(batch)
        except (pa.ArrowInvalid, OSError) as error:
            raise _no_parquet(name) from error

    return Source(name, chunks)


def _no_parquet(name: str) -> InputError:
    return InputError(
        _("This parquet file is broken or cut short"),
        path=name,
        hint=_("Copy or download it again"),
    )


def among_others(options: Options) -> Options:
    """The options for a text file that lies among others."""
    return replace(options, among_others=True)

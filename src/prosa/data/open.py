"""Files and folders: which files of a folder are data, and which reader each one gets.

One file in, one `Source` out, whatever its suffix and packing; standard input and pipes too.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from prosa.data import json, names, tables, text
from prosa.data.decoding import TextFile, open_bytes, survey, unreadable
from prosa.data.kinds import Source
from prosa.errors import InputError
from prosa.files import full_disk_said, scratch
from prosa.i18n import _

SUFFIXES = {
    **dict.fromkeys((".txt", ".text", ".md", ".markdown"), "text"),
    **dict.fromkeys((".csv", ".tsv", ".tab"), "table"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".yml", ".yaml"), "yaml"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
}
PACKED = (".gz", ".zst", ".bz2")
ACCEPTED = "txt, md, csv, tsv, json, jsonl, yaml, parquet (+ .gz, .zst, .bz2)"

MANIFEST = "prosa.json"
"""The report that stands beside what prosa writes."""

_NO_DATA = {MANIFEST, "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
_ABOUT = ("readme", "license", "licence", "licenca", "changelog", "contributing", "leiame")
_SHARD = re.compile(r"(?P<split>[^\W\d_]+)([-_.]\d+)?([-_.]of[-_.]\d+)?$")
_SHOWN = 5
_COPY = 1 << 20


@dataclass(frozen=True)
class Options:
    """How files are read, where the person says it.

    Attributes:
        layout: What a record of a text file is.
        columns: Columns of a table that the person speaks of.
        among_others: The file lies in a folder with other text files.
    """

    layout: text.Layout | None = None
    columns: tuple[str, ...] = ()
    among_others: bool = False


def suffix_of(path: Path) -> str:
    """The last suffix of a file's name in lower case, that of its packing (.gz) left out."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def format_of(path: Path) -> str | None:
    """The format that a file's name tells: "text", "table", "json", "yaml", "parquet", or None."""
    return SUFFIXES.get(suffix_of(path))


def open_file(path: Path, options: Options, name: str | None = None) -> Source:
    """Open a file of data, which messages call by its name, or else by its path.

    Raises:
        InputError: It is empty, is not data, or its name has a suffix that we do not read.
    """
    name = name or str(path)
    if not path.is_file():  # a pipe, such as <(command): it can be read only once
        return open_stream(path, options, name)
    format_name = format_of(path)
    with open_bytes(path, name) as file:
        magic = file.read(4)
    if magic == b"PAR1":
        return tables.open_parquet(path, name)
    if format_name == "parquet":
        survey(path, name)  # says what it is instead
        raise tables.no_parquet(name)
    if format_name is None and path.suffix and path.suffix not in PACKED:
        raise InputError(
            _("Files of type '{suffix}' are not read").format(suffix=path.suffix),
            path=name,
            expected=ACCEPTED,
            hint=_(
                "Save it as one of those, or pass its text through a pipe: cat FILE | prosa … -"
            ),
        )
    return _open_text(survey(path, name), format_name, options)


def open_stream(path: Path | None, options: Options, name: str) -> Source:
    """Open a pipe, or standard input (None): a working file with its content tells its format.

    Raises:
        InputError: It is empty, or is not data.
    """
    copy = scratch() / "input"
    try:
        with (
            full_disk_said(copy.parent),
            copy.open("wb") as file,
            path.open("rb") if path else nullcontext(sys.stdin.buffer) as stream,
        ):
            while block := stream.read(_COPY):
                file.write(block)
    except OSError as error:
        raise unreadable(name, error) from error
    return open_file(copy, options, name)


def _open_text(file: TextFile, format_name: str | None, options: Options) -> Source:
    unknown = format_name is None and options.layout != "raw"
    if format_name == "json" or (unknown and json.looks_json(file)):
        return Source(file.name, lambda: json.read_json(file), file.notes)
    if format_name == "yaml":
        return Source(file.name, lambda: json.read_yaml(file), file.notes)
    if format_name == "table" or unknown:
        tabs = suffix_of(file.path) in (".tsv", ".tab")
        dialect = tables.sniff(file, tabs=tabs, named=options.columns)
        if format_name == "table" or dialect.looks_tabular:
            notes = (*file.notes, *tables.describe(dialect))
            return Source(file.name, lambda: tables.read_table(file, dialect), notes)
    layout = options.layout or text.layout_of(file, among_others=options.among_others)
    notes = (*file.notes, text.describe(file, layout))
    return Source(file.name, lambda: text.read_text(file, layout), notes, plain=True)


def files_under(
    folder: Path,
    wanted: Callable[[Path], bool],
    *,
    skip_folder: Callable[[Path], bool] | None = None,
    unreadable: Callable[[OSError], None] | None = None,
) -> list[Path]:
    """The wanted files in a folder and its subfolders, by their paths; no hidden ones.

    `unreadable` gets the error of each folder that the system refuses to list.
    """
    files: list[Path] = []
    for place, folders, file_names in os.walk(folder, onerror=unreadable):
        if skip_folder and skip_folder(Path(place)):
            folders.clear()
            continue
        folders[:] = [name for name in folders if name[0] not in "._"]
        files += (Path(place, name) for name in file_names if name[0] not in "._")
    return sorted(filter(wanted, files))


def data_in(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The files of data in a folder and its subfolders.

    A README or a licence beside other data is passed over.

    Returns:
        The files, and notes on what else lies there.

    Raises:
        InputError: There are none.
    """
    everything = files_under(folder, lambda _path: True)
    data = [path for path in everything if format_of(path) and path.name not in _NO_DATA]
    others = sorted({*everything} - {*data})
    about = [path for path in data if names.plain(_stem(path)).startswith(_ABOUT)]
    if len(everything) > len(about):
        data = [path for path in data if path not in about]
        others += about
    if not data:
        raise InputError(
            _("There is no data in this folder"),
            path=folder,
            expected=_("files of the types {types}").format(types=ACCEPTED),
            hint=_("Found: {names}").format(names=_shown(others, folder)) if others else "",
        )
    others = [path for path in others if path.name not in _NO_DATA]
    note = _("Passed over in the folder: {names}")
    return data, (note.format(names=_shown(others, folder)),) if others else ()


def splits_of(files: list[Path]) -> dict[Path, str]:
    """The split that each file is, where their names say so: train, validation, test.

    Every file must be named after a split, and there must be two splits at least, except in what
    `prosa prepare` wrote. Otherwise nothing is said.
    """
    splits = {}
    for path in files:
        shard = _SHARD.match(_stem(path))
        split = names.SPLITS.get(names.plain(shard["split"])) if shard else None
        if split is None:
            return {}
        splits[path] = split
    prepared = (files[0].parent / MANIFEST).is_file()
    return splits if prepared or len(set(splits.values())) > 1 else {}


def unknown_source(text: str, samples: tuple[str, ...]) -> InputError:
    """The error for a source that is no path, no sample and no id: it says what is near."""
    path = Path(text).expanduser()
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        there = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    except OSError:
        there = []
    by_form = {name.lower(): name for name in there}
    near = [by_form[form] for form in get_close_matches(path.name.lower(), by_form, 3, 0.5)]
    near += [n for n in there if n not in near and Path(n).stem == path.stem]
    near = [str(folder / name) for name in near if folder == path.parent]
    near += get_close_matches(text.lower(), samples, 2, 0.5)
    if near:
        hint = _("Did you mean: {names}").format(names=", ".join(near))
    elif folder != path.parent:
        hint = _("There is no folder '{folder}' either").format(folder=path.parent)
    else:
        hint = _("In '{folder}' there are: {names}").format(
            folder=folder, names=", ".join(there[:_SHOWN]) or "-"
        )
    return InputError(
        _("There is no file, folder or sample '{name}'").format(name=text),
        expected=_(
            "a path, - for standard input, a bundled sample ({samples}), or org/name"
        ).format(samples=", ".join(samples) or "-"),
        hint=hint,
    )


def _stem(path: Path) -> str:
    """A file's name without the suffixes we know: "train" for "train.jsonl.gz"."""
    name = path.name
    for suffixes in (PACKED, tuple(SUFFIXES)):
        if name.lower().endswith(suffixes):
            name = name[: name.rindex(".")]
    return name


def _shown(paths: list[Path], folder: Path) -> str:
    shown = ", ".join(str(path.relative_to(folder)) for path in paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return shown + (_(" and {n} more").format(n=more) if more > 0 else "")

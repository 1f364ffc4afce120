"""Folders of data: which files in them count, in which order, and which split a file is."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from prosa.data import formats, names
from prosa.errors import InputError
from prosa.i18n import _

MANIFEST = "prosa.json"
"""The report that stands beside what prosa writes."""

_NO_DATA = {
    MANIFEST,
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
}
_ABOUT = ("readme", "license", "licence", "licenca", "changelog", "contributing", "leiame")
_SHARD = re.compile(r"(?P<split>[^\W\d_]+)([-_.]\d+)?([-_.]of[-_.]\d+)?$")
_SHOWN = 5


def files_in(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The files of data in a folder and its subfolders, in the order of their paths.

    Hidden files are passed over, and so are a README or a licence beside other data.

    Returns:
        The files, and notes on what else lies there.

    Raises:
        InputError: There are none.
    """
    found: list[Path] = []
    others: list[Path] = []
    for path in sorted(_walk(folder)):
        (found if formats.format_of(path) and path.name not in _NO_DATA else others).append(path)
    about = [path for path in found if names.plain(formats.stem_of(path)).startswith(_ABOUT)]
    if len(found) + len(others) > len(about):
        found = [path for path in found if path not in about]
        others += about
    if not found:
        raise InputError(
            _("There is no data in this folder"),
            path=folder,
            expected=_("files of the types {types}").format(types=formats.ACCEPTED),
            hint=_("Found: {names}").format(names=_shown(others, folder)) if others else "",
        )
    passed = [path for path in others if path.name not in _NO_DATA]
    note = _("Passed over in the folder: {names}")
    return found, (note.format(names=_shown(passed, folder)),) if passed else ()


def splits_of(files: list[Path]) -> dict[Path, str]:
    """The split that each file is, where their names say so: train, validation, test.

    Every file must be named after a split, and there must be two splits at least, except in what
    `prosa prepare` wrote. Otherwise nothing is said.
    """
    found = {path: split for path in files if (split := _split_of(path))}
    own = (files[0].parent / MANIFEST).is_file()
    if len(found) < len(files) or (len(set(found.values())) < 2 and not own):
        return {}
    return found


def unknown(text: str, samples: tuple[str, ...]) -> InputError:
    """The error for a source that is no path, no sample and no id: it says what is near.

    Args:
        text: What the person wrote.
        samples: The names of the bundled samples.
    """
    path = Path(text).expanduser()
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    there = sorted(one.name for one in _listing(folder) if not one.name.startswith("."))
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


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "._"]
        yield from (Path(place, name) for name in files if name[0] not in "._")


def _split_of(path: Path) -> str | None:
    found = _SHARD.match(formats.stem_of(path))
    return names.SPLITS.get(names.plain(found["split"])) if found else None


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _shown(paths: list[Path], folder: Path) -> str:
    some = ", ".join(str(path.relative_to(folder)) for path in paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return some + (_(" and {n} more").format(n=more) if more > 0 else "")

"""The working folder of a run: begun, gone on with, or in the way."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prosa import files
from prosa.errors import InputError
from prosa.i18n import _
from prosa.verbs.request import Request

_REQUEST, DATA = "request.json", "data.json"
_TOKENS = ("tokenizer", "train", "validation", "tokens.json")
_FREE_TO_CHANGE = ("resume", "overwrite", "output")


@contextmanager
def shared_tokens(kept: Path | None, work: Path) -> Iterator[None]:
    """Begin with the tokenizer and encoded texts that runs on the same data keep; or keep these."""
    if kept and kept.exists():
        _copy(kept, work)
    yield
    if kept and not kept.exists():
        _copy(work, kept)


def _copy(source: Path, target: Path) -> None:
    for name in _TOKENS:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).is_file():
            shutil.copy(source / name, target / name)


@contextmanager
def working(folder: Path, request: Request, source: str) -> Iterator[bool]:
    """Open a run's working folder.

    A run that fails leaves nothing, unless it has written a checkpoint: then the folder stays, and
    `--resume` goes on from there, as after a kill.

    Args:
        folder: The place.
        request: What is asked for now.
        source: What the data is called.

    Yields:
        Whether the run begins anew; otherwise data and tokens of the killed run are there.

    Raises:
        InputError: There is an unfinished run that was not asked to be resumed or overwritten, or
            it was asked for with other settings.
    """
    asked = _plain(request, source)
    begun = (folder / _REQUEST).is_file()
    goes_on = begun and (folder / DATA).is_file() and (folder / "tokens.json").is_file()
    if goes_on and request.resume:
        _check_same(folder, asked)
    elif goes_on and _has_checkpoint(folder) and not request.overwrite:
        raise InputError(
            _("An unfinished run is here"),
            path=folder,
            hint=_("Continue it with --resume, or begin anew with --overwrite"),
        )
    fresh = not (goes_on and request.resume)
    new_parent = not folder.parent.exists()
    with files.full_disk_said(folder):
        if fresh:
            if folder.exists() and not begun and any(folder.iterdir()):
                raise InputError(
                    _("This folder is in the way and is not prosa's"),
                    path=folder,
                    hint=_("Move it away, or give another place with -o"),
                )
            files.remove(folder)
            folder.mkdir(parents=True)
            (folder / _REQUEST).write_text(json.dumps(asked), encoding="utf-8")
        try:
            yield fresh
        except BaseException:
            if not _has_checkpoint(folder):
                files.remove(folder)
                if new_parent and not any(folder.parent.iterdir()):
                    folder.parent.rmdir()
            raise
    files.remove(folder)


def _has_checkpoint(folder: Path) -> bool:
    return any(folder.glob("checkpoint-*/trainer_state.json"))


def _plain(request: Request, source: str) -> dict[str, Any]:
    values = {n: v for n, v in asdict(request).items() if n not in _FREE_TO_CHANGE}
    plain: dict[str, Any] = json.loads(json.dumps({"data": source, **values}))
    return plain


def _check_same(folder: Path, asked: Mapping[str, Any]) -> None:
    begun = json.loads((folder / _REQUEST).read_text(encoding="utf-8"))
    for name, value in asked.items():
        if begun.get(name) != value:
            raise InputError(
                _("The unfinished run was begun with {name} = {before}, not {now}").format(
                    name=name.replace("_", "-"), before=begun.get(name), now=value
                ),
                path=folder,
                hint=_("Repeat its settings, or begin anew with --overwrite"),
            )

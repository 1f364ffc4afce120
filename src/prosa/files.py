"""Where things are written: outputs that are whole or absent, scratch space, a full disk in words.

Every output of prosa goes through `replacing`: it is written beside its place and renamed at the
end, so a run that fails, is stopped or finds no room leaves nothing behind and harms nothing.
"""

import atexit
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prosa.errors import InputError, ProsaError
from prosa.i18n import _, number

_scratch: dict[tuple[int, str], Path] = {}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# Rust and C++ libraries report a full disk in words only.
_FULL_WORDS = ("no space left on device", "disk quota exceeded", "os error 28")


def free_place(path: str | Path, *, overwrite: bool = False) -> Path:
    """Check, before hours of work, that something may be written at a path.

    Args:
        path: The output to be.
        overwrite: Whether an existing output may be replaced.

    Returns:
        The path, absolute.

    Raises:
        InputError: It exists and may not be replaced, or its folder cannot be written to.
    """
    target = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100  a link stays a link
    if target.exists() or target.is_symlink():
        if not overwrite:
            raise InputError(
                _("There is something here already, and it stays as it is"),
                path=target,
                hint=_("Give another name with -o, move it away, or use --overwrite to replace it"),
            )
        if target.is_dir() and (target == Path.home() or Path.cwd().is_relative_to(target)):
            raise InputError(
                _("This folder holds the current or the home folder; it is never replaced"),
                path=target,
                hint=_("Give the name of a new folder with -o"),
            )
    parent = _existing(target.parent)
    if not parent.is_dir():
        raise InputError(
            _("Nothing can be written here: '{parent}' is a file, not a folder").format(
                parent=parent
            ),
            path=target,
            hint=_("Give another place with -o"),
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise _unwritable(target, parent)
    return target


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False, file: bool = False) -> Iterator[Path]:
    """Write an output beside its place and rename it at the end.

    On any exception, Ctrl-C included, what was written is removed and an old output stays as it
    was. Folders that lead to the output are created, and removed again on failure.

    Args:
        path: The output to be: a folder, or a file with `file=True`.
        overwrite: Replace an existing output.
        file: Yield a path to write one file to, instead of an empty folder.

    Yields:
        The temporary folder (it exists) or file (it does not exist yet).

    Raises:
        InputError: The output exists and may not be replaced, or its folder cannot be written to.
        ProsaError: The disk is full.
    """
    target = free_place(path, overwrite=overwrite)
    new_parents = _missing(target.parent)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove(temporary)
        if not file:
            temporary.mkdir()
        yield temporary
        _swap(temporary, target)
    except BaseException as error:
        full = not isinstance(error, ProsaError) and _is_full(error)
        written = size(temporary) if full else 0
        remove(temporary)
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()
        if full:
            raise _full(target, written=written) from error
        if (
            isinstance(error, OSError)
            and error.errno in _FORBIDDEN
            and str(error.filename or "").startswith((str(temporary), str(target)))
        ):
            raise _unwritable(target, target.parent) from error
        raise


def scratch() -> Path:
    """Make a new empty folder for working files; it goes when the program ends.

    It lies under `PROSA_CACHE`, or else in the system's folder for temporary files.
    """
    place = os.environ.get("PROSA_CACHE", "")
    key = (os.getpid(), place)
    if key not in _scratch:
        try:
            if place:
                Path(place).mkdir(parents=True, exist_ok=True)
            root = Path(tempfile.mkdtemp(prefix="prosa-", dir=place or None))
        except OSError as error:
            raise InputError(
                _("There is no folder for working files: {error}").format(
                    error=error.strerror or error
                ),
                path=place or tempfile.gettempdir(),
                hint=_("Set PROSA_CACHE to a folder with room that you may write to"),
            ) from error
        _scratch[key] = root
        atexit.register(_clear, key)
    return Path(tempfile.mkdtemp(dir=_scratch[key]))


@contextmanager
def full_disk_said(folder: str | Path, *, hint: str = "") -> Iterator[None]:
    """Turn a full disk into one message while working files are written to a folder.

    Raises:
        ProsaError: The disk is full.
    """
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise _full(Path(folder), hint=hint) from error


def _is_full(error: BaseException) -> bool:
    """Whether an exception, of whatever library, means that the disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error).lower() for words in _FULL_WORDS)


def size(path: Path) -> int:
    """Bytes that a file, or all files in a folder, take; 0 for what does not exist."""
    if path.is_dir():
        return sum(part.lstat().st_size for part in path.rglob("*") if part.is_file())
    return path.stat().st_size if path.exists() else 0


def human(count: float) -> str:
    """Bytes as a person reads them: "1.5 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            digits = 0 if unit == "B" or count >= 100 else 1
            return f"{number(count, digits)} {unit}"
        count /= 1000
    return f"{number(count, 1)} TB"


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _swap(temporary: Path, target: Path) -> None:
    """Put the new output in its place; the old one goes only when the new one stands.

    A folder cannot be replaced in one step by `rename`; where the system exchanges two names in
    one step, that is done. Elsewhere two renames leave a moment in which the old folder has its
    hidden name only: `restore` gives it back after a kill.
    """
    if not target.exists() or not (temporary.is_dir() or target.is_dir()):
        temporary.replace(target)
    elif _exchange(temporary, target):
        remove(temporary)
    else:
        old = _old(target)
        remove(old)
        target.rename(old)
        try:
            temporary.rename(target)
        except BaseException:
            old.rename(target)
            raise
        remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step, where the system and its disk can; else nothing happens."""
    import ctypes  # noqa: PLC0415  only to replace a folder

    paths = os.fsencode(one), os.fsencode(other)
    try:
        system = ctypes.CDLL(None)
        if sys.platform == "linux":  # renameat2(2), RENAME_EXCHANGE from the current folder
            here = ctypes.c_int(-100)
            return not system.renameat2(here, paths[0], here, paths[1], ctypes.c_uint(2))
        return not system.renamex_np(*paths, ctypes.c_uint(2))  # macOS: RENAME_SWAP
    except (AttributeError, OSError, TypeError):  # no such call; Windows
        return False


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def restore(path: Path) -> None:
    """Give an output its name back that a kill left under its hidden one (see `_swap`)."""
    if not path.exists() and _old(path).is_dir():
        _old(path).rename(path)


def _full(target: Path, *, written: int = 0, hint: str = "") -> ProsaError:
    folder = _existing(target if target.is_dir() else target.parent)
    free = human(shutil.disk_usage(folder).free)
    if written:
        what = _(
            "The disk is full: '{path}' was {written} large when space ran out; "
            "it was removed, and {free} is free now"
        ).format(path=target, written=human(written), free=free)
    else:
        what = _("The disk is full: '{path}' could not be written; {free} is free there").format(
            path=target, free=free
        )
    return ProsaError(what, hint=hint or _("Make room, or write to another disk"))


def _unwritable(target: Path, parent: Path) -> InputError:
    return InputError(
        _("The folder '{parent}' cannot be written to").format(parent=parent),
        path=target,
        hint=_("Choose another place with -o, or change who may write to that folder"),
    )


def _existing(folder: Path) -> Path:
    """The nearest folder above that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _missing(folder: Path) -> list[Path]:
    """The folders that would have to be created, deepest first."""
    return [one for one in (folder, *folder.parents) if not one.exists()]


def _clear(key: tuple[int, str]) -> None:
    # A forked child inherits the handler; the folder is its parent's.
    if key[0] == os.getpid() and (root := _scratch.pop(key, None)):
        shutil.rmtree(root, ignore_errors=True)

"""One run at a time works on an index."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prosa.errors import InputError, ProsaError
from prosa.i18n import _

NAME = ".lock"

_TURNS, _TURN = 20, 0.05
"""How often to try again, and after how many seconds."""


@contextmanager
def locked(folder: Path) -> Iterator[int | None]:
    """Hold an index for writing; the system lets go of it whatever becomes of this process.

    Yields:
        The file descriptor of the lock, which other processes may keep open; None on Windows.

    Raises:
        InputError: The folder cannot be written to.
        ProsaError: Another run holds it.
    """
    if sys.platform == "win32":
        yield None
        return
    import fcntl  # noqa: PLC0415  not on Windows

    try:
        handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError as error:
        raise InputError(
            _("The folder '{folder}' cannot be written to").format(folder=folder), path=folder
        ) from error
    try:
        _waited(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError as error:
        os.close(handle)
        raise ProsaError(
            _("Another run is working on the index '{folder}'").format(folder=folder),
            hint=_("Wait until it is done"),
        ) from error
    try:
        yield handle
    finally:
        os.close(handle)


def _waited(take: Callable[[], None]) -> None:
    """Take the lock, or wait a little: what a killed run leaves beside it ends in a moment."""
    for _turn in range(_TURNS):
        try:
            take()
        except BlockingIOError:
            time.sleep(_TURN)
        else:
            return
    take()

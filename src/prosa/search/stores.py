"""Which store a place means: a folder, or the address of a PostgreSQL database."""

from pathlib import Path

from prosa.search import folder
from prosa.search.folder import Folder
from prosa.search.store import Store


def opened(place: str | Path, *, new: bool = False) -> Store:
    """Open a store; with `new` there may be none yet.

    Raises:
        InputError: There is no index, it may not be read, or another version of prosa made it.
        ProsaError: It is damaged, or the database does not answer.
    """
    if _is_address(place):
        from prosa.search.postgres import Postgres  # noqa: PLC0415  few need it

        return Postgres(str(place), new=new)
    return Folder(Path(place).expanduser(), new=new)


def is_index(place: str | Path) -> bool:
    """Whether a place is an index rather than a model's folder."""
    if _is_address(place):
        return True
    try:
        return folder.is_index(Path(place).expanduser())
    except (OSError, ValueError):  # a folder that may not be looked into; a name of NUL
        return False


def _is_address(place: str | Path) -> bool:
    return str(place).startswith(("postgresql://", "postgres://"))

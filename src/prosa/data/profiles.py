"""What the first rows of a table show: its columns, their shapes, and finding one by its name."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prosa.data import names
from prosa.data.chunks import Chunk, values
from prosa.i18n import _

_NUMBER = re.compile(r"\s*[-+]?[\d.,:/ -]*\d[\d.,:/ %-]*\s*$")
_ADDRESS = re.compile(r"\s*(https?://|www\.)\S+\s*$")
_LISTED = 40


@dataclass(frozen=True)
class Profile:
    """What the first rows show about a column.

    Attributes:
        name: Its name in the source.
        shape: "text", "number", "list", "dict" or "empty".
        rows: Values that are not empty.
        length: Mean characters of a value.
        distinct: Different values.
    """

    name: str
    shape: str
    rows: int = 0
    length: float = 0.0
    distinct: int = 0


class Table:
    """The columns of a source as the rules see them.

    Args:
        head: The first rows.
        given: Source columns that the person gave for roles.
    """

    def __init__(self, head: Chunk, given: Mapping[str, str]) -> None:
        self.head = head
        self.given = given
        self.profiles = {name: profile(name, values(column)) for name, column in head.items()}

    def role(
        self,
        role: str,
        wanted: tuple[str, ...] | list[str],
        *shapes: str,
        but: tuple[str, ...] = (),
    ) -> str | None:
        """The column for a role: the one that was given, or the first fitting name."""
        if role in self.given:
            return self.given[role]
        return names.find(wanted, [n for n in self.of_shape(*shapes) if n not in but])

    def of_shape(self, *shapes: str) -> list[str]:
        """The names of the columns with one of these shapes."""
        return [name for name, one in self.profiles.items() if one.shape in shapes]

    def worded(self, wanted: frozenset[str], but: tuple[str, ...] = ()) -> str | None:
        """The column of text that has one of some words in its name; of several the longest."""
        others = [n for n in self.profiles if not names.has_word(n, wanted)]
        return self.longest((*others, *but))

    def longest(self, but: tuple[str, ...] = ()) -> str | None:
        """The column of text with the longest values."""
        rest = [n for n in self.of_shape("text") if n not in but]
        return max(rest, key=lambda name: self.profiles[name].length, default=None)


def profile(name: str, column: list[Any]) -> Profile:
    """Look at the values of a column."""
    some = [value for value in column if not is_absent(value)]
    if not some:
        return Profile(name, "empty")
    lists = sum(isinstance(value, list | tuple) for value in some)
    dicts = sum(isinstance(value, dict) for value in some)
    if lists or dicts:
        return Profile(name, "list" if lists >= dicts else "dict", len(some))
    texts = [str(value) for value in some]
    numbers = sum(
        not isinstance(value, str) or bool(_NUMBER.match(value) or _ADDRESS.match(value))
        for value in some
    )
    shape = "number" if numbers > 0.9 * len(some) else "text"
    return Profile(name, shape, len(some), sum(map(len, texts)) / len(some), len(set(texts)))


def is_absent(value: Any) -> bool:
    """Whether a value is None, NaN, or an empty string, list or dictionary."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str | list | dict) and not value)


def listed(columns: Sequence[str]) -> str:
    """Column names for a message."""
    more = len(columns) - _LISTED
    shown = ", ".join(f"'{name}'" for name in columns[:_LISTED])
    return shown + (_(" and {n} more").format(n=more) if more > 0 else "")

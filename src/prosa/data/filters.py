"""Optional filters on what a record says; all are off by default."""

import re
from collections import Counter
from dataclasses import dataclass

from prosa.data.classic import language

_WORD = re.compile(r"\w+")
_SAMPLE = 20_000


@dataclass(frozen=True)
class Filters:
    """Which records to drop; a field at its default drops none.

    Attributes:
        shortest: Least number of words.
        longest: Greatest number of words; 0 means any.
        repetition: Greatest share of the words that may belong to repeated runs of three words
            (Rae et al. 2021, Gopher: 0.18 for such runs by characters).
        symbols: Greatest share of characters, spaces aside, that are neither letters nor digits.
        blocked: Words (any case) that no record may hold.
        language: "pt" or "en": records in the other language are dropped.
    """

    shortest: int = 0
    longest: int = 0
    repetition: float = 1.0
    symbols: float = 1.0
    blocked: tuple[str, ...] = ()
    language: str = ""

    @property
    def active(self) -> bool:
        """Whether any filter is on."""
        return self != Filters()

    def reject(self, text: str) -> bool:
        """Whether a record that says this is dropped."""
        found = _WORD.findall(text)
        return (
            len(found) < self.shortest
            or bool(self.longest and len(found) > self.longest)
            or (self.repetition < 1 and _repetition(found) > self.repetition)
            or (self.symbols < 1 and _symbols(text) > self.symbols)
            or (bool(self.blocked) and self._is_blocked(found))
            or bool(self.language and language(text) not in ("", self.language))
        )

    def _is_blocked(self, found: list[str]) -> bool:
        blocked = {word.casefold() for word in self.blocked}
        return any(word.casefold() in blocked for word in found)


def _repetition(found: list[str]) -> float:
    """The share of runs of three words that stand more than once."""
    runs = Counter(zip(found, found[1:], found[2:], strict=False))
    total = sum(runs.values())
    return sum(count for count in runs.values() if count > 1) / total if total else 0.0


def _symbols(text: str) -> float:
    seen = [letter for letter in text[:_SAMPLE] if not letter.isspace()]
    return sum(not letter.isalnum() for letter in seen) / len(seen) if seen else 0.0

"""The sizes a person may choose for a model, checked at the door. Plain Python: no torch here."""

import math
from collections.abc import Set
from dataclasses import asdict, dataclass, replace
from typing import Any

from prosa.errors import InputError
from prosa.i18n import _

# (smallest, largest); the largest only keeps a slip of the finger from asking for a terabyte.
_RANGES = {
    "context": (2, 1_048_576),
    "layers": (1, 512),
    "hidden_size": (1, 65_536),
    "heads": (1, 1_024),
    "embedding_size": (1, 65_536),
    "order": (1, 32),
}


@dataclass(frozen=True)
class Sizes:
    """What a model's size is made of; None means: as the family or the plan decides.

    `context` are the tokens of a training sequence, for the decoder also the most it can read at
    once; `embedding_size` is the width of a word's vector (rnn, lstm, gru); `dropout` the share of
    activations put to zero in training; `order` the tokens of the longest n-gram.

    Raises:
        InputError: A size is not a number in its range; the message names the flag.
    """

    context: int | None = None
    layers: int | None = None
    hidden_size: int | None = None
    heads: int | None = None
    embedding_size: int | None = None
    dropout: float | None = None
    order: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not low <= value <= high):
                expected = _("a whole number from {low} to {high}").format(low=low, high=high)
                raise wrong(name, value, expected)
        number = isinstance(self.dropout, int | float) and not isinstance(self.dropout, bool)
        if self.dropout is not None and not (number and 0 <= self.dropout < 1):
            raise wrong("dropout", self.dropout, _("a number from 0 to below 1, such as 0.1"))

    @property
    def given(self) -> dict[str, int | float]:
        """The sizes that are not None, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, defaults: "Sizes") -> "Sizes":
        """These sizes, and where they are None the default ones."""
        given: dict[str, Any] = self.given
        return replace(defaults, **given)

    def check_takes(self, family: str, takes: Set[str]) -> None:
        """Refuse a size that means nothing to the family, rather than ignore it.

        Raises:
            InputError: Naming the flags this family takes.
        """
        alien = [name for name in self.given if name not in takes]
        if alien:
            raise InputError(
                _("{flag} means nothing to the family {family}").format(
                    flag=flag(alien[0]), family=family
                ),
                expected=_("only {flags}").format(flags=", ".join(map(flag, sorted(takes)))),
            )

    def check_heads(self) -> None:
        """Refuse heads that do not divide the width into even parts, as rotary positions need.

        Raises:
            InputError: With the numbers of heads that are possible, and the nearest widths.
        """
        if self.hidden_size is None or self.heads is None:
            return
        if self.hidden_size % (2 * self.heads) == 0:
            return
        step = 2 * self.heads
        below, above = self.hidden_size // step * step, -(-self.hidden_size // step) * step
        widths = [str(width) for width in (below, above) if width]
        possible = [str(heads) for heads in _divisors(self.hidden_size // 2)]
        expected = _("an even --hidden-size")
        if self.hidden_size % 2 == 0:
            expected = _("with --hidden-size {width}, --heads {heads}").format(
                width=self.hidden_size, heads=", ".join(possible)
            )
        hint = _("Or keep {heads} heads with --hidden-size {widths}.").format(
            heads=self.heads, widths=_(" or ").join(widths)
        )
        raise InputError(
            _("--hidden-size {width} cannot be shared out among --heads {heads}").format(
                width=self.hidden_size, heads=self.heads
            ),
            expected=expected,
            hint=hint,
        )


def flag(name: str) -> str:
    """The command-line flag of a size: "hidden_size" -> "--hidden-size"."""
    return "--" + name.replace("_", "-")


def wrong(name: str, value: object, expected: str) -> InputError:
    """The error for a flag with a value that it cannot have."""
    return InputError(
        _("{flag} is {value}").format(flag=flag(name), value=value), expected=expected
    )


def fitting_heads(hidden_size: int, head_size: int = 32) -> int:
    """The number of heads that divides a width into even parts of about `head_size`.

    Raises:
        InputError: The width is odd.
    """
    if hidden_size % 2:
        raise wrong("hidden_size", hidden_size, _("an even number"))
    return min(
        _divisors(hidden_size // 2),
        key=lambda heads: abs(math.log(hidden_size / heads / head_size)),
    )


def _divisors(number: int) -> list[int]:
    return [candidate for candidate in range(1, min(number, 256) + 1) if number % candidate == 0]

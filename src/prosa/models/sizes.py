"""The sizes a person may choose for a model, checked at the door. Plain Python: no torch here."""

import math
from typing import Any

from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.family import Family, Sizes

# (smallest, largest); the largest only keeps a slip of the finger from asking for a terabyte.
_RANGES = {
    "context": (2, 1_048_576),
    "layers": (1, 512),
    "hidden_size": (1, 65_536),
    "heads": (1, 1_024),
    "embedding_size": (1, 65_536),
    "order": (1, 32),
}
_CHOICES = {"cell": ("lstm", "gru"), "attention": ("additive", "multiplicative", "none")}


def check(sizes: Sizes) -> None:
    """Refuse a size that is no number in its range.

    Raises:
        InputError: The message names the flag.
    """
    for name, value in sizes.given.items():
        if name in _RANGES:
            low, high = _RANGES[name]
            expected = _("a whole number from {low} to {high}").format(low=low, high=high)
            fits = type(value) is int and low <= value <= high
        elif name in _CHOICES:
            expected, fits = ", ".join(_CHOICES[name]), value in _CHOICES[name]
        else:
            expected = _("a number from 0 to below 1, such as 0.1")
            fits = isinstance(value, int | float) and type(value) is not bool and 0 <= value < 1
        if not fits:
            raise wrong(name, value, expected)


def complete(family: Family, chosen: Sizes) -> Sizes:
    """What a person chose, checked for this family and filled up with its smallest sizes.

    Raises:
        InputError: A size this family does not take, or sizes that do not fit together.
    """
    check(chosen)
    takes = family.sizes[0].given
    alien = [name for name in chosen.given if name not in takes]
    if alien:
        raise InputError(
            _("{flag} means nothing to the family {family}").format(
                flag=flag(alien[0]), family=family.name
            ),
            expected=_("only {flags}").format(flags=", ".join(map(flag, sorted(takes)))),
        )
    sizes = chosen.over(family.sizes[0])
    if chosen.hidden_size is not None and chosen.heads is None and sizes.heads is not None:
        sizes = Sizes(**{**sizes.given, "heads": fitting_heads(chosen.hidden_size)})
    _check_heads(sizes)
    return sizes


def _check_heads(sizes: Sizes) -> None:
    """Refuse heads that do not divide the width into even parts, as rotary positions need.

    Raises:
        InputError: With the numbers of heads that are possible, and the nearest widths.
    """
    width, heads = sizes.hidden_size, sizes.heads
    if width is None or heads is None or width % (2 * heads) == 0:
        return
    step = 2 * heads
    below, above = width // step * step, -(-width // step) * step
    widths = [str(candidate) for candidate in (below, above) if candidate]
    expected = _("an even --hidden-size")
    if width % 2 == 0:
        expected = _("with --hidden-size {width}, --heads {heads}").format(
            width=width, heads=", ".join(map(str, _divisors(width // 2)))
        )
    raise InputError(
        _("--hidden-size {width} cannot be shared out among --heads {heads}").format(
            width=width, heads=heads
        ),
        expected=expected,
        hint=_("Or keep {heads} heads with --hidden-size {widths}.").format(
            heads=heads, widths=_(" or ").join(widths)
        ),
    )


def flag(name: str) -> str:
    """The command-line flag of a size: "hidden_size" -> "--hidden-size"."""
    return "--" + name.replace("_", "-")


def wrong(name: str, value: Any, expected: str) -> InputError:
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

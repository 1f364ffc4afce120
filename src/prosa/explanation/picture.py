"""What a picture is: its numbers, what it means, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: What its file is called.
        title: A heading.
        explanation: Two sentences for somebody who has not seen such a picture.
        figures: The numbers in it, as plain data.
        svg: Draws it, at most about as wide as the pixels given; what has many columns is wider.
    """

    name: str
    title: str
    explanation: str
    figures: dict[str, Any]
    svg: Callable[[float], str]

    def figure(self) -> str:
        """The picture for a page with `svg.rules`: drawn for a phone, and for a screen."""
        label = escape(self.title)
        return "".join(
            f'<div class="picture {name}" tabindex="0" role="group" aria-label="{label}">'
            f"{self.svg(width)}</div>"
            for name, width in (("narrow", NARROW), ("wide", WIDE))
        )


NARROW, WIDE = 300, 860
"""Pixels: what a page leaves on a telephone of 390, and a column of text."""

"""Pictures as SVG whose colours follow the page: light, dark, or light for good in a file.

Lengths are in pixels. Texts come from people and from models: they are escaped here.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from xml.sax.saxutils import escape as escape_text

SIZE, LINE = 13, 24
LETTER = 7.8 / 13
"""Of a letter's size, its width on average in DejaVu Sans, the widest of the usual fonts."""
FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b2128",
    "soft": "#55606d",
    "rule": "#d8dee5",
    "accent": "#00674a",
    "second": "#b0480a",
}
_DARK = {
    "paper": "#14171b",
    "ink": "#eceff2",
    "soft": "#a9b4c0",
    "rule": "#363e47",
    "accent": "#4fd3a6",
    "second": "#ff9d5c",
}
_CONTROL = {n: 0x2400 + n for n in range(32)} | {0x7F: "␡", 0xFFFE: "", 0xFFFF: ""}
_LEVELS = 12


def rules(dark: str = "@media screen and (prefers-color-scheme: dark)") -> str:
    """Style rules for a page that shows pictures.

    Args:
        dark: When the page is dark; of a page that says so by a class, that class's selector.
    """
    light, night = (
        " ".join(f"--picture-{name}: {value};" for name, value in of.items())
        for of in (_LIGHT, _DARK)
    )
    night = f"{dark} {{ :root {{ {night} }} }}" if dark.startswith("@") else f"{dark} {{ {night} }}"
    return (
        f":root {{ {light} }}\n{night}\n"
        ".picture { overflow-x: auto; margin-bottom: 1.5rem }\n"
        ".picture svg { display: block; max-width: none }\n"
        ".picture.wide { display: none }\n"
        "@media (min-width: 60rem) { .picture.wide { display: block }"
        " .picture.narrow { display: none } }\n"
    )


def still(picture: str) -> str:
    """The picture in light colours, for what knows no style sheet."""
    light = re.sub(r"var\(--picture-(\w+)\)", lambda found: _LIGHT[found[1]], picture)
    return light.replace("<svg ", f'<svg style="background:{_LIGHT["paper"]}" ', 1)


def whole(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """A picture of its parts, on the page's own ground."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(_plain(title))}" '
        f'font-family="{FONTS}" font-size="{SIZE}" fill="{colour("ink")}">'
        + "".join(parts)
        + "</svg>"
    )


def colour(name: str) -> str:
    """A colour of the page."""
    return f"var(--picture-{name})"


def text(  # noqa: PLR0913  as many as SVG's own
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    fill: str = "ink",
    size: float = SIZE,
    bold: bool = False,
    turned: bool = False,
) -> str:
    """One line of text, its baseline at a place; `turned` runs upwards."""
    place = f'transform="translate({x:.1f} {y:.1f}) rotate(-60)"' if turned else ""
    place = place or f'x="{x:.1f}" y="{y:.1f}"'
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text {place} text-anchor="{anchor}" fill="{colour(fill)}" font-size="{size:.1f}"'
        f'{weight} xml:space="preserve">{escape_text(_plain(words))}</text>'
    )


def rect(
    x: float, y: float, width: float, height: float, fill: str = "accent", opacity: float = 1.0
) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" '
        f'fill="{colour(fill)}" fill-opacity="{opacity:.2f}"/>'
    )


def frame(x: float, y: float, width: float, height: float, line: str) -> str:
    """The border of a rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="none" stroke="{colour(line)}"/>'
    )


def cells(
    values: Sequence[Sequence[float]],
    x: float,
    y: float,
    size: tuple[float, float],
    power: float = 0.5,
) -> list[str]:
    """A table of shades, from -1 (second colour) over 0 (nothing) to 1 (accent).

    A power of a half shows what is small, of 1 hides it. Cells of one shade are one path: of 16
    heads over 20 tokens a rectangle each would be 6,400.
    """
    side = ".95" if size[0] > 8 else "1"  # small ones touch
    paths: dict[int, list[str]] = {}
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            level = round(min(1.0, abs(value)) ** power * _LEVELS)
            if level:
                key = level if value > 0 else -level
                paths.setdefault(key, []).append(f"M{column} {row}h{side}v{side}h-{side}z")
    turn = f"translate({x:.1f} {y:.1f}) scale({size[0]:.2f} {size[1]:.2f})"
    return [
        f'<path transform="{turn}" d="{"".join(shapes)}" fill-opacity="{abs(key) / _LEVELS:.2f}" '
        f'fill="{colour("accent" if key > 0 else "second")}"/>'
        for key, shapes in sorted(paths.items())
    ]


def length(words: str, size: float = SIZE) -> float:
    """About how wide a text is."""
    letters = (2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in words)
    return sum(letters) * LETTER * size


def short(words: str, most: int) -> str:
    """A text of at most so many signs."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def flow(widths: Iterable[float], width: float, gap: float = 4) -> list[tuple[float, int]]:
    """Where boxes of these widths stand that fill lines from the left: (x, number of the line)."""
    places, x, line = [], 0.0, 0
    for box in widths:
        if x and x + box > width:
            x, line = 0.0, line + 1
        places.append((x, line))
        x += box + gap
    return places


def chips(
    words: Sequence[str], tints: Sequence[tuple[str, float]], y: float, width: float
) -> tuple[list[str], float]:
    """Words in boxes of a colour and its strength, line by line from y on; and where they end."""
    parts = []
    shown = [short(word, 24) for word in words]
    widths = [length(word) + 10 for word in shown]
    places = flow(widths, width)
    for word, box, tint, (x, line) in zip(shown, widths, tints, places, strict=True):
        top = y + line * (LINE + 4)
        parts.append(rect(x, top, box, LINE, *tint))
        parts.append(text(x + box / 2, top + 17, word, anchor="middle"))
    return parts, y + (places[-1][1] + 1 if places else 0) * (LINE + 4)


def grid(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    width: float,
    *,
    row_height: float = 0,
    power: float = 0.5,
) -> tuple[list[str], float, float]:
    """Shades with the names of their rows and columns, and how wide and high they are together.

    Rows are as high as columns are wide, unless a height is given. More columns than the width has
    room for make it wider.
    """
    rows, columns = ([short(name, 14) for name in names] for names in (rows, columns))
    left, top = max(map(length, rows)) + 8, 0.87 * max(map(length, columns)) + 10
    over = 0.5 * length(columns[-1]) + 4  # the last turned name ends to the right of its column
    cell = min(34.0, max(15.0, (width - left - over) / len(columns)))
    high = row_height or cell
    parts = [
        text(left + (n + 0.65) * cell, top - 6, name, turned=True, size=12)
        for n, name in enumerate(columns)
    ]
    parts += [
        text(left - 6, top + (n + 0.5) * high + 4, name, anchor="end", size=12 if high > 14 else 10)
        for n, name in enumerate(rows)
    ]
    parts += cells(values, left, top, (cell, high), power)
    parts.append(frame(left, top, cell * len(columns), high * len(rows), "rule"))
    return parts, left + cell * len(columns) + over, top + high * len(rows)


def _plain(words: str) -> str:
    """Without what XML cannot hold: control signs are shown by their pictures."""
    return words.translate(_CONTROL)

"""A comparison as one page: tables, charts and texts in one HTML file that needs no network.

What a model is called and what it wrote comes from people and models: the template escapes all.
Charts are laid out here, in pixels, and drawn as SVG by `report.html.jinja`.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment

from prosa import i18n
from prosa.i18n import _, language, ngettext

WIDTH, WIDE, HEIGHT = 440, 992, 350  # of a chart, in pixels; WIDE is for curves on a large screen
LEFT, TOP, BOTTOM, RIGHT = 46, 14, 46, 16  # its margins
LETTER, LINE = 7.8, 16  # of a label, in pixels: 13 of DejaVu Sans, the widest usual font
LONGEST = 20  # letters of a name that a chart shows

# Where a logarithmic axis may have its ticks, from fine to coarse.
COUNTS = [[m * 10**k for k in range(13) for m in (1, 2, 5)]]
COUNTS += [[10**k for k in range(0, 13, step)] for step in (1, 2, 3)]
TIMES = [
    [m * 10**k for k in range(-3, 1) for m in (1, 2, 5)]
    + [10, 20, *(m * unit for unit in (60, 3600) for m in (1, 2, 5, 10, 20)), 180_000, 360_000],
    [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 360_000],
    [0.001, 0.1, 10, 600, 36_000],
]

Model = dict[str, Any]
Point = tuple[float, float]


class Label(NamedTuple):
    """A name to the right (1) or left (-1) of a place, in pixels; `lead` is a line to its mark."""

    text: str
    x: float
    y: float
    side: int
    lead: bool


class Mark(NamedTuple):
    """A model in a chart, in pixels: its curve, the mark at the curve's end, and its name."""

    model: Model
    curve: str
    x: float
    y: float
    label: Label | None


class Chart(NamedTuple):
    """One picture. A tick is its place and its text."""

    name: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    marks: list[Mark]
    frontier: str
    width: int
    right: float


def render(comparison: dict[str, Any]) -> str:
    """The page, in the language in force.

    Args:
        comparison: The documented keys of `prosa compare --json`. Any figure may be None.
    """
    finite = [{key: _finite(value) for key, value in m.items()} for m in comparison["models"]]
    ordered = sorted(finite, key=lambda model: (not model["comparable"], bits(model)))
    models = [{**model, "mark": index} for index, model in enumerate(ordered)]
    ranked = [model for model in models if model["comparable"]]
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(_=_, ngettext=ngettext)
    environment.filters.update(number=number, duration=duration, size=size, bits=bits)
    source = Path(__file__).with_name("report.html.jinja").read_text("utf-8")
    html = environment.from_string(source).render(
        comparison,
        lang=language().replace("_", "-"),
        models=models,
        ranked=ranked,
        apart=[model for model in models if not model["comparable"]],
        worst=max((bits(model) for model in ranked if bits(model) < math.inf), default=1),
        kinds=list(dict.fromkeys(kind for model in models for kind in model["probes"] or {})),
        charts=[chart for chart in _charts(ranked) if chart],
        box={"width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP, "bottom": HEIGHT - BOTTOM},
    )
    # A folder's name need not be text: a lone surrogate could not be written.
    return html.encode("utf-8", "replace").decode()


def _finite(value: Any) -> Any:
    """None for what is no figure: the perplexity of a model that diverged."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def bits(model: Model) -> float:
    """Bits per byte; infinite where there is no figure, so that it comes last."""
    value = model["bits_per_byte"]
    return math.inf if value is None else float(value)


def number(value: float | None, digits: int = 2) -> str:
    """A number with the decimal mark of the person's language; a dash where there is none."""
    return "–" if value is None else i18n.number(value, digits)


def size(value: float | None) -> str:
    """Bytes as kB, MB or GB."""
    if value is None:
        return "–"
    power = 3 if value >= 1e9 else 2 if value >= 1e6 else 1
    scaled = value / 1000**power
    return f"{number(scaled, 1 if scaled < 10 else 0)} {('kB', 'MB', 'GB')[power - 1]}"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: 8 ms, 2.5 s, 2 min 05 s, 1 h 10 min."""
    if seconds is None:
        return "–"
    if seconds < 0.1:
        return f"{number(1000 * seconds, 0)} ms"
    if seconds < 90:
        return f"{number(seconds, 1 if seconds < 10 else 0)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours = f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else hours


def _tick_count(value: float) -> str:
    for unit, text in ((1e9, _("{n}B")), (1e6, _("{n}M")), (1e3, _("{n}k"))):
        if value >= unit:
            return text.format(n=number(value / unit, 0))
    return number(value, 0)


def _tick_time(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds >= unit:
            return f"{number(seconds / unit, 0)} {name}"
    return f"{number(1000 * seconds, 0)} ms"


def _charts(models: Sequence[Model]) -> list[Chart | None]:
    """Bits per byte against parameters, against training time, and as they were learned."""

    def against(key: str) -> list[tuple[Model, list[Point]]]:
        rows = [(model, _points([(model[key], model["bits_per_byte"])])) for model in models]
        found = [row for row in rows if row[1]]
        return found if len(found) > 1 else []

    rows = [
        (model, _points([(p.get("seconds"), p.get("bits_per_byte")) for p in model["curve"] or ()]))
        for model in models
    ]
    curves = [row for row in rows if len(row[1]) > 1]
    return [
        _chart("parameters", against("parameters"), COUNTS, _tick_count),
        _chart("time", against("train_seconds"), TIMES, _tick_time),
        _chart("curves", curves, TIMES, _tick_time),
        _chart("curves", curves, TIMES, _tick_time, WIDE),
    ]


def _points(pairs: Sequence[tuple[float | None, float | None]]) -> list[Point]:
    """Those that have a place on a logarithmic axis."""
    return [(x, y) for x, y in pairs if x and x > 0 and y is not None and math.isfinite(y)]


def _chart(
    name: str,
    rows: list[tuple[Model, list[Point]]],
    ticks: Sequence[Sequence[float]],
    write: Callable[[float], str],
    width: int = WIDTH,
) -> Chart | None:
    if not rows:
        return None
    learning = name == "curves"
    xs = [x for _model, points in rows for x, _y in points]
    ends = [points[-1] for _model, points in rows]
    x_low, x_high = (min(xs), max(xs)) if learning else (min(xs) / 1.5, max(xs) * 1.5)
    x_low, x_high = (x_low, x_high) if x_high > 3 * x_low else (x_low / 2, x_high * 2)
    low, high = min(y for _x, y in ends), max(y for _x, y in ends)
    if learning:  # the first steps from 8 bits down would leave no room for where the curves differ
        low = min(y for _model, points in rows for _x, y in points)
        high = min(2 * high, max(y for _model, points in rows for _x, y in points))
    margin = (high - low) * 0.08 or 0.1
    low, high = low - margin, high + margin
    names = [_short(model["name"]) for model, _points in rows]
    right = width - RIGHT - (LETTER * max(map(len, names)) + 8 if learning else 0)

    def place(point: Point) -> Point:
        share = math.log(point[0] / x_low) / math.log(x_high / x_low)
        height = (point[1] - low) / (high - low)
        x, y = LEFT + share * (right - LEFT), HEIGHT - BOTTOM - height * (HEIGHT - BOTTOM - TOP)
        return round(x, 1), round(y, 1)

    places = [place(end) for end in ends]
    labels = _column(names, places, right) if learning else _labels(names, places)
    levels = [
        [(place((tick, low))[0], write(tick)) for tick in level if x_low <= tick <= x_high]
        for level in ticks
    ]
    return Chart(
        name,
        next((level for level in levels if _apart(level)), levels[-1]),
        [(place((x_low, tick))[1], text) for tick, text in _y_ticks(low, high)],
        [
            Mark(model, _path([place(point) for point in points]) if learning else "", *at, label)
            for (model, points), at, label in zip(rows, places, labels, strict=True)
        ],
        "" if learning else _frontier(places, right),
        width,
        right,
    )


def _apart(ticks: Sequence[tuple[float, str]]) -> bool:
    """True if no text of these touches the next: "500 mil" is the longest."""
    return all(two[0] - one[0] > 7 * LETTER for one, two in pairwise(ticks))


def _y_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Four to eight round values between these."""
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = max((m * unit for m in (2, 5) if m * unit <= rough), default=unit)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(k * step, number(k * step, digits)) for k in range(first, last + 1)]


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _frontier(places: Sequence[Point], right: float) -> str:
    """Steps along the models that none further to the left is as good as."""
    steps: list[Point] = []
    for x, y in sorted(places, key=lambda place: (place[0], -place[1])):
        if not steps or y > steps[-1][1]:
            steps += [(x, steps[-1][1])] if steps else []
            steps.append((x, y))
    return _path([*steps, (right, steps[-1][1])])


def _short(name: str) -> str:
    """A name for a chart: its middle goes, since names differ at their ends."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[: half - 1]}…{name[-half:]}"


def _labels(names: Sequence[str], places: Sequence[Point]) -> list[Label | None]:
    """Each name as near to its mark as it finds room, the best model's first; None without room."""
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    labels: list[Label | None] = []
    shifts = sorted((LINE / 3 * k for k in range(-9, 10)), key=abs)
    for name, (x, y) in zip(names, places, strict=True):
        labels.append(None)
        for shift, side in [(shift, side) for shift in shifts for side in (1, -1)]:
            lead = abs(shift) > LINE / 2
            start, middle = x + side * (18 if lead else 10), y + shift
            left, right = sorted((start, start + side * LETTER * len(name)))
            box = (left, middle - LINE / 2, right, middle + LINE / 2)
            inside = left > LEFT and right < WIDTH and box[1] > 0 and box[3] < HEIGHT - BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                labels[-1] = Label(name, start, middle, side, lead)
                break
    return labels


def _overlap(one: Sequence[float], two: Sequence[float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _column(names: Sequence[str], places: Sequence[Point], right: float) -> list[Label | None]:
    """The names one below the other beside the curves' ends; only the best where not all fit."""
    room = int((HEIGHT - BOTTOM) / LINE)
    order = sorted(range(len(names))[:room], key=lambda index: places[index][1])
    middles: list[float] = []
    for index in order:
        middles.append(max([places[index][1], *(above + LINE for above in middles[-1:])]))
    labels: list[Label | None] = [None] * len(names)
    limit: float = HEIGHT - BOTTOM
    for index, middle in zip(reversed(order), reversed(middles), strict=True):
        at = min(middle, limit)
        limit = at - LINE
        lead = abs(at - places[index][1]) > 1 or right - places[index][0] > 10
        labels[index] = Label(names[index], right + 18, at, 1, lead)
    return labels

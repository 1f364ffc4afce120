"""A calibration plot as an SVG picture that needs nothing else: thought against right."""

import math
from html import escape
from pathlib import Path

from prosa.answering.measure import Evaluation
from prosa.files import replacing
from prosa.i18n import _

_SIDE = 320
_LEFT = 56
_TOP = 44
_BOTTOM = 84
_INK = "#222"
_FAINT = "#ccc"
_DOT = "#1f6f8b"


def write(evaluation: Evaluation, path: str | Path, *, title: str, overwrite: bool = True) -> Path:
    """Write the picture.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path, overwrite=overwrite, file=True) as place:
        place.write_text(svg(evaluation, title), encoding="utf-8")
    return Path(path)


def svg(evaluation: Evaluation, title: str) -> str:
    """The picture: a dot for each group of answers, its area for how many they are.

    On the diagonal the confidence is true; below it the index is surer than it should be.
    """
    width, height = _SIDE + _LEFT + 24, _SIDE + _TOP + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{2 * width}" font-family="sans-serif" font-size="12" fill="{_INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(_LEFT, 24, title, size=14),
    ]
    for tenth in range(0, 11, 2):
        share = tenth / 10
        label = f"{10 * tenth} %"
        parts += [
            _line(0, share, 1, share, _FAINT),
            _line(share, 0, share, 1, _FAINT),
            _text(_LEFT - 6, _y(share) + 4, label, anchor="end"),
            _text(_x(share), _y(0) + 18, label, anchor="middle"),
        ]
    parts.append(_line(0, 0, 1, 1, "#888", dashed=True))
    limit = evaluation.threshold
    parts.append(_line(limit, 0, limit, 1, "#b5651d", dashed=True))
    most = max((one.count for one in evaluation.bins), default=1)
    for one in evaluation.bins:
        radius = 3 + 11 * math.sqrt(one.count / most)
        caption = _("{n} answers: confidence {confidence} %, right {right} %").format(
            n=one.count, confidence=round(100 * one.confidence), right=round(100 * one.right)
        )
        parts.append(
            f'<circle cx="{_x(one.confidence):.1f}" cy="{_y(one.right):.1f}" r="{radius:.1f}" '
            f'fill="{_DOT}" fill-opacity="0.75"><title>{escape(caption)}</title></circle>'
        )
    middle = _x(0.5)
    parts += [
        _text(middle, _y(0) + 40, _("confidence"), anchor="middle"),
        f'<g transform="translate(14 {_y(0.5)}) rotate(-90)">'
        + _text(0, 0, _("share of right answers"), anchor="middle")
        + "</g>",
        _text(
            middle, _y(0) + 64, _("dotted brown: answers are given from here on"), anchor="middle"
        ),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _x(share: float) -> float:
    return _LEFT + _SIDE * share


def _y(share: float) -> float:
    return _TOP + _SIDE * (1 - share)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return (
        f'<line x1="{_x(x1):.1f}" y1="{_y(y1):.1f}" x2="{_x(x2):.1f}" y2="{_y(y2):.1f}" '
        f'stroke="{colour}"{dash}/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )

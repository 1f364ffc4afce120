"""Which word looks at which: attention by layer and head, and the alignment of two texts."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor

from prosa.explanation import svg
from prosa.explanation.picture import Picture
from prosa.explanation.subject import Subject, label
from prosa.i18n import _

_HEADS = 144
"""Small pictures at most: those of 12 layers of 12 heads."""
_SMALL = 76


def encoder_attention(subject: Subject) -> Picture | None:
    """Of what the model reads, by a model that reads both sides."""
    name = "encoder_attentions" if subject.pairs else "attentions"
    if not subject.pairs and subject.model.can_generate():
        return None
    return _picture(
        "attention-encoder" if subject.pairs else "attention",
        _("What each word looks at while it is read"),
        getattr(subject.output, name, None),
        (subject.words, subject.words),
    )


def decoder_attention(subject: Subject) -> Picture | None:
    """Of what the model writes, or goes on from."""
    if subject.pairs:
        read = [label(subject.tokenizer, number) for number in subject.written[:-1]]
        found = getattr(subject.output, "decoder_attentions", None)
    elif subject.model.can_generate():
        read, found = subject.words, getattr(subject.output, "attentions", None)
    else:
        return None
    name = "attention-decoder" if subject.pairs else "attention"
    return _picture(name, _("What each word looks back at"), found, (read, read))


def alignment(subject: Subject) -> Picture | None:
    """Of every word that is written, which words of the source it looks at."""
    if not subject.pairs:
        return None
    writes = [label(subject.tokenizer, number) for number in subject.written[1:]]
    found = getattr(subject.output, "cross_attentions", None)
    return _picture(
        "alignment", _("Which words it reads as it writes"), found, (writes, subject.words)
    )


def _picture(
    name: str, title: str, found: Sequence[Tensor | None] | None, words: tuple[list[str], list[str]]
) -> Picture | None:
    layers = [layer[0].float().cpu() for layer in found or () if layer is not None]
    if not layers:
        return None
    heads = [(n, k) for n, layer in enumerate(layers) for k in range(len(layer))]
    shown = max(heads, key=lambda at: _tells(layers[at[0]][at[1]], itself=words[0] is words[1]))
    rows, columns = words
    figures = {
        "rows": rows,
        "columns": columns,
        "shown": {"layer": shown[0] + 1, "head": shown[1] + 1},
        "layers": [[_rounded(head) for head in layer] for layer in layers],
    }
    return _made(name, title, figures)


def with_head(picture: Picture, layer: int, head: int) -> Picture:
    """The picture with another head large, from 1 on; as it is where it has none such."""
    layers = picture.figures.get("layers", [])
    if layer > len(layers) or head > len(layers[layer - 1]):
        return picture
    figures = {**picture.figures, "shown": {"layer": layer, "head": head}}
    return _made(picture.name, picture.title, figures)


def _made(name: str, title: str, figures: dict[str, Any]) -> Picture:
    first = _(
        "Each row is a word and shows which words it takes something from: the stronger the "
        "colour, the more, and a row adds up to 100 %."
    )
    if name == "alignment":
        first = _(
            "Each row is a word that the model writes and shows which words of the sentence it "
            "looks at then: the stronger the colour, the more, and a row adds up to 100 %."
        )
    second = _("This is the model's only head.")
    if len(figures["layers"]) > 1 or len(figures["layers"][0]) > 1:
        second = _(
            "Each head has learned by itself what to look for; large is head {head} of layer "
            "{layer}."
        ).format(**figures["shown"])
    return Picture(name, title, f"{first} {second}", figures, partial(_draw, figures, title))


def _rounded(head: Tensor) -> list[list[float]]:
    return [[round(weight, 4) for weight in row] for row in head.tolist()]


def _tells(head: Tensor, *, itself: bool) -> float:
    """How clearly a head looks at single words, itself and the first one left out.

    The head for which this is highest is shown large, until another is asked for. Many heads rest
    on the first token when they have nothing to say (Xiao et al. 2024).
    """
    clear = head.square()
    if itself:
        clear = clear.clone().fill_diagonal_(0)
        clear[:, 0] = 0
    return float(clear.sum(1).mean())


def _draw(figures: dict[str, Any], title: str, width: float) -> str:
    """One head large, its words beside it, and all of them small."""
    layer, number = figures["shown"]["layer"], figures["shown"]["head"]
    weights = figures["layers"][layer - 1][number - 1]
    parts, wide, bottom = svg.grid(figures["rows"], figures["columns"], weights, width)
    width = max(width, wide)
    heads = [(n, k) for n, one in enumerate(figures["layers"], 1) for k in range(1, len(one) + 1)]
    if len(heads) > 1:
        bottom = _small(parts, figures, heads[:_HEADS], (layer, number), (width, bottom + 22))
    return svg.whole(title, width, bottom + 2, parts)


def _small(
    parts: list[str],
    figures: dict[str, Any],
    heads: list[tuple[int, int]],
    shown: tuple[int, int],
    place: tuple[float, float],
) -> float:
    """Add all heads, small; where they end comes back."""
    width, top = place
    size = (_SMALL / len(figures["columns"]), _SMALL / len(figures["rows"]))
    parts.append(svg.text(0, top, _("All heads (layer·head):"), fill="soft", size=12))
    bottom = top
    for at, (x, line) in zip(heads, svg.flow([_SMALL] * len(heads), width, gap=8), strict=True):
        y = top + 28 + line * (_SMALL + 26)
        colour = "second" if at == shown else "soft"
        parts.append(svg.text(x, y - 5, f"{at[0]}·{at[1]}", fill=colour, size=11))
        parts += svg.cells(figures["layers"][at[0] - 1][at[1] - 1], x, y, size, power=1)
        parts.append(svg.frame(x, y, _SMALL, _SMALL, "second" if at == shown else "rule"))
        bottom = y + _SMALL
    return bottom

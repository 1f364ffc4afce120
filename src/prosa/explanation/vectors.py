"""A map of the model's words: the vectors by which it knows them, flattened to two dimensions."""

from typing import Any

import torch
from torch import Tensor

from prosa.explanation import svg
from prosa.explanation.picture import Picture
from prosa.explanation.subject import Subject, label
from prosa.i18n import _, number

_FREQUENT = 80
_NEAREST = 5
_LISTED = 8


def vectors(subject: Subject) -> Picture | None:
    """The frequent words and the sentence's own on a map, with the neighbours of the latter."""
    table = _table(subject)
    if table is None:
        return None
    weights = table.detach().float().cpu()[: len(subject.tokenizer)]
    weights = torch.nn.functional.normalize(weights, dim=1)
    own = [i for i in dict.fromkeys(subject.ids) if i not in subject.special]
    if not own:
        return None
    shown = [*own, *(i for i in _frequent(subject.tokenizer) if i not in own)]
    places = _flat(weights[shown]).tolist()
    words = [
        {"word": label(subject.tokenizer, i), "x": x, "y": y, "own": i in own}
        for i, (x, y) in zip(shown, places, strict=True)
    ]
    figures = {"words": words, "neighbours": _neighbours(subject.tokenizer, weights, own)}
    return Picture(
        "vectors",
        _("A map of its words"),
        _(
            "To the model every token is a list of {n} numbers, which training moved until words "
            "of like use stood near one another; here they are flattened to the two directions in "
            "which these words differ most (PCA)."
        ).format(n=weights.shape[1])
        + " "
        + _(
            "Large are the words of the sentence, small some that stand first in its vocabulary; "
            "below are the nearest of all, by cosine."
        ),
        figures,
        lambda width: _draw(figures, width),
    )


def _table(subject: Subject) -> Tensor | None:
    try:
        found: Any = subject.model.get_input_embeddings()
    except NotImplementedError:  # an n-gram knows words by their numbers alone
        return None
    return getattr(found, "weight", None)


def _frequent(tokenizer: Any) -> list[int]:
    """Whole words with the lowest ids, which most tokenizers give to the most frequent ones."""
    found: list[int] = []
    spaced = 0
    for i in range(min(len(tokenizer), 8_000)):
        word = label(tokenizer, i)
        if i in tokenizer.all_special_ids or not word.lstrip("␣").isalpha():
            continue
        if word.startswith("␣"):
            spaced += 1
        found.append(i)
    if spaced > _FREQUENT:  # where words begin with a space, the others are parts of words
        found = [i for i in found if label(tokenizer, i).startswith("␣")]
    long = [i for i in found if len(label(tokenizer, i).lstrip("␣")) > 1]
    return (long if len(long) >= _FREQUENT else found)[:_FREQUENT]


def _flat(rows: Tensor) -> Tensor:
    """The first two principal components [N, 2], each scaled to -1 to 1."""
    left, size, _right = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    flat = torch.zeros(len(rows), 2)
    kept = (left * size)[:, :2]
    flat[:, : kept.shape[1]] = kept
    return flat / flat.abs().amax(0).clamp(min=1e-9)


def _neighbours(tokenizer: Any, weights: Tensor, own: list[int]) -> list[dict[str, Any]]:
    """The nearest other tokens of each word of the sentence, by cosine."""
    letters = [i for i in own if any(sign.isalnum() for sign in label(tokenizer, i))][:_LISTED]
    cosine_table = weights[letters] @ weights.T
    cosine_table[:, torch.tensor(tokenizer.all_special_ids)] = -2
    cosine_table[torch.arange(len(letters)), torch.tensor(letters, dtype=torch.long)] = -2
    best = cosine_table.topk(min(_NEAREST, cosine_table.shape[1]))
    rows = zip(letters, best.values.tolist(), best.indices.tolist(), strict=True)
    return [
        {
            "word": label(tokenizer, i),
            "nearest": [
                {"word": label(tokenizer, k), "cosine": round(cosine, 4)}
                for cosine, k in zip(cosines, ids, strict=True)
                if cosine > -2
            ],
        }
        for i, cosines, ids in rows
    ]


def _draw(figures: dict[str, Any], width: float) -> str:
    height = min(440.0, width)
    parts = [svg.frame(0.5, 0.5, width - 1, height - 1, "rule")]
    taken: list[tuple[float, float, float]] = []  # left, right and middle of a label
    for one in figures["words"]:
        size = 14 if one["own"] else 11
        word = svg.short(one["word"], 16)
        x, y = 14 + (one["x"] + 1) / 2 * (width - 28), 14 + (1 - one["y"]) / 2 * (height - 28)
        wide = svg.length(word, size) + 8
        left = x + 5 if x + 5 + wide < width else x - 5 - wide
        fill = "second" if one["own"] else "accent"
        parts.append(svg.rect(x - 2.5, y - 2.5, 5, 5, fill))
        clear = all(left + wide < a or b < left or abs(y - c) > 13 for a, b, c in taken)
        if clear:
            taken.append((left, left + wide, y))
            parts.append(
                svg.text(
                    left + 2,
                    y + 4,
                    word,
                    size=size,
                    bold=one["own"],
                    fill="ink" if one["own"] else "soft",
                )
            )
    y = height + 12
    names = [svg.short(one["word"], 16) for one in figures["neighbours"]]
    start = max(map(svg.length, names), default=0) + 14
    for name, one in zip(names, figures["neighbours"], strict=True):
        words = [f"{near['word']} {number(near['cosine'])}" for near in one["nearest"]]
        parts.append(svg.text(0, y + 14, name, bold=True))
        places = svg.flow(
            [svg.length(svg.short(word, 20), 12) for word in words], width - start, 14
        )
        for word, (x, line) in zip(words, places, strict=True):
            parts.append(svg.text(start + x, y + 14 + 20 * line, svg.short(word, 20), size=12))
        y += 20 * (places[-1][1] + 1 if places else 1) + 8
    return svg.whole(_("A map of its words"), width, y, parts)

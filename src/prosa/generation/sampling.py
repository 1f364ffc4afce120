"""The next token of many texts, each drawn in its own way from its own random numbers.

What a text draws does not depend on those beside it: a seed gives the same text alone and in a
batch. The rows are treated together, since Python's time for each of 32 would be more than the
model's.

Shapes: R rows, V words of the vocabulary, K words that are drawn from.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from prosa.generation.options import Decoding

_COLDEST = 1e-5
"""A temperature below it draws the likeliest word, and would divide beyond what a number holds."""


class Draw(NamedTuple):
    """How the next token of one text is taken.

    Attributes:
        options: Temperature, top-k, top-p, repetition penalty.
        random: Gives one number a token.
        read: The text so far, for the penalty.
    """

    options: Decoding
    random: Random
    read: Sequence[int]


def next_tokens(logits_RV: Tensor, draws: Sequence[Draw], never: Tensor) -> list[int]:
    """Choose a token for each row.

    Args:
        logits_RV: Scores, one row a text; not changed.
        draws: How each is drawn.
        never: Tokens that are not written.
    """
    scores_RV = logits_RV.float().index_fill(1, never, -torch.inf)
    groups: dict[int | str, list[int]] = {}
    for row, draw in enumerate(draws):
        if draw.options.repetition_penalty != 1:
            _penalise(scores_RV[row], draw)
        groups.setdefault(_way(draw.options), []).append(row)
    tokens = [0] * len(draws)
    for way, rows in groups.items():
        scores_GV = scores_RV if len(rows) == len(draws) else scores_RV[rows]
        if way == "likeliest":
            chosen = scores_GV.argmax(1).tolist()
        else:
            chosen = _drawn(scores_GV, way, [draws[row] for row in rows])
        for row, token in zip(rows, chosen, strict=True):
            tokens[row] = token
    return tokens


def _way(options: Decoding) -> int | str:
    """Rows of the same way are drawn together: so many likeliest words, all, or all in order."""
    if options.temperature < _COLDEST or options.top_k == 1:
        return "likeliest"
    return options.top_k or ("all in order" if options.top_p < 1 else "all")


def _penalise(scores_V: Tensor, draw: Draw) -> None:
    """Make what was said less likely, in place (Keskar et al. 2019, CTRL)."""
    said = torch.tensor(sorted(set(draw.read)), device=scores_V.device)
    score, penalty = scores_V[said], draw.options.repetition_penalty
    scores_V[said] = torch.where(score < 0, score * penalty, score / penalty)


def _drawn(scores_RV: Tensor, way: int | str, draws: Sequence[Draw]) -> list[int]:
    """One number between 0 and the probability of all that is kept picks a word."""
    column = scores_RV.new_empty(0, dtype=torch.float64)
    temperature_R1 = column.new_tensor([[draw.options.temperature] for draw in draws])
    u_R1 = column.new_tensor([[draw.random.random()] for draw in draws])
    order_RK = None
    if isinstance(way, int):
        scores_RV, order_RK = scores_RV.topk(min(way, scores_RV.shape[1]))
    elif way == "all in order":
        scores_RV, order_RK = scores_RV.sort(descending=True, stable=True)
    sums_RK = (scores_RV / temperature_R1).softmax(1).cumsum(1)
    mass_R1 = sums_RK[:, -1:]
    if order_RK is not None:
        top_p_R1 = column.new_tensor([[draw.options.top_p] for draw in draws])
        # The first word with which the share is reached is the last one kept (Holtzman et al.).
        last_R1 = torch.searchsorted(sums_RK, top_p_R1 * mass_R1)
        mass_R1 = sums_RK.gather(1, last_R1.clamp(max=sums_RK.shape[1] - 1))
    # A word without probability is never reached: its sum is that of the word before.
    place_R1 = torch.searchsorted(sums_RK, u_R1 * mass_R1 * (1 - 1e-12), right=True)
    chosen_R1 = place_R1 if order_RK is None else order_RK.gather(1, place_R1)
    chosen: list[int] = chosen_R1[:, 0].tolist()
    return chosen

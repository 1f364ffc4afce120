"""Probes: does a model prefer the right continuation to wrong ones that fit just as well locally?

Minimal pairs in the manner of BLiMP (Warstadt et al. 2020): the model is asked for the probability
of each continuation after the same beginning; nothing is generated and nothing is trained.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.samples.probes import Probe, mentions

_ROWS = 32


def ask(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, probes: Iterable[Probe]
) -> dict[str, float]:
    """The share of probes answered right, from 0 to 1, for each kind; "all" is the kinds' mean.

    Where both continuations are as probable, half of the probe is right.
    """
    probes = list(probes)
    pairs = [(probe.prompt, answer) for probe in probes for answer in (probe.right, probe.wrong)]
    values = iter(_log_probabilities(model, tokenizer, pairs))
    return _shares(probes, [_better(next(values), next(values)) for _probe in probes])


def rules(probes: Iterable[Probe]) -> dict[str, dict[str, float]]:
    """What rules get right that look only at what has been said: as in `ask`, for each rule.

    "most said" takes the answer that the prompt says most often, "last said" and "first said" the
    one it says last and first. Where a rule sees no difference, half of the probe is right.
    """
    probes = list(probes)
    return {
        name: _shares(
            probes,
            [
                _better(rule(mentions(p.prompt, p.right)), rule(mentions(p.prompt, p.wrong)))
                for p in probes
            ],
        )
        for name, rule in _RULES.items()
    }


_RULES: dict[str, Callable[[list[int]], float]] = {
    "most said": len,
    "last said": lambda places: max(places, default=-1),
    "first said": lambda places: -min(places, default=math.inf),
}
"""The places where an answer has been said -> how much a rule prefers it."""


def _better(right: float, wrong: float) -> float:
    return 1.0 if right > wrong else 0.5 if right == wrong else 0.0


def _shares(probes: Sequence[Probe], right: Sequence[float]) -> dict[str, float]:
    by_kind: dict[str, list[float]] = defaultdict(list)
    for probe, value in zip(probes, right, strict=True):
        by_kind[probe.kind].append(value)
    shares = {kind: sum(values) / len(values) for kind, values in by_kind.items()}
    return {**shares, "all": sum(shares.values()) / max(1, len(shares))}


def _log_probabilities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    pairs: list[tuple[str, str]],
) -> list[float]:
    """Log p(end | beginning) in nats of each pair, whatever tokens the two are cut into."""
    context = getattr(model.config, "max_position_embeddings", None)
    rows = []
    for beginning, end in pairs:
        before = tokenizer.encode(beginning, add_special_tokens=False)
        whole = tokenizer.encode(beginning + end, add_special_tokens=False)
        # Only what differs is scored: the tokens up to the first that the end changed are shared.
        shared = next(
            (i for i, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b), len(before)
        )
        ids = [tokenizer.bos_token_id, *whole]
        cut = max(0, len(ids) - context) if context else 0
        rows.append((ids[cut:], shared + 1 - cut))
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    result = [0.0] * len(rows)
    for start in range(0, len(order), _ROWS):
        batch = order[start : start + _ROWS]
        values = _score(model, tokenizer, [rows[i] for i in batch])
        for index, value in zip(batch, values, strict=True):
            result[index] = value
    return result


def _score(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    rows: list[tuple[list[int], int]],
) -> list[float]:
    """Sums of log probabilities from each row's given position on; rows padded to the right."""
    longest = max(len(ids) for ids, _first in rows)
    batch = torch.full((len(rows), longest), tokenizer.pad_token_id)
    mask = torch.zeros_like(batch)
    for row, (ids, _first) in enumerate(rows):
        batch[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
    batch, mask = batch.to(model.device), mask.to(model.device)
    with torch.inference_mode():
        logits = model(input_ids=batch, attention_mask=mask, use_cache=False).logits
        log_p = logits[:, :-1].float().log_softmax(-1)
        chosen = log_p.gather(-1, batch[:, 1:, None]).squeeze(-1).cpu()
    return [
        chosen[row, max(0, first - 1) : len(ids) - 1].sum().item()
        for row, (ids, first) in enumerate(rows)
    ]

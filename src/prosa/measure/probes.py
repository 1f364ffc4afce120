"""Probes: does a model prefer the right continuation to wrong ones that fit just as well locally?

Minimal pairs in the manner of BLiMP (Warstadt et al. 2020): the model is asked for the probability
of each continuation after the same beginning; nothing is generated and nothing is trained.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.samples.probes import Probe

_ROWS = 32


def ask(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, probes: Iterable[Probe]
) -> dict[str, float]:
    """The share of probes answered right, for each kind and over "all".

    Args:
        model: Any causal language model.
        tokenizer: Its tokenizer.
        probes: Each with one right continuation and wrong ones.

    Returns:
        Shares from 0 to 1 by kind; "all" is the mean over the kinds.
    """
    probes = list(probes)
    sides = [(p.prompt, end) for p in probes for end in (p.right, *p.wrong)]
    values = iter(_log_probabilities(model, tokenizer, sides))
    right: dict[str, list[bool]] = defaultdict(list)
    for probe in probes:
        best = next(values)
        others = [next(values) for _wrong in probe.wrong]
        right[probe.kind].append(best > max(others))
    shares = {kind: sum(hits) / len(hits) for kind, hits in right.items()}
    return {**shares, "all": sum(shares.values()) / max(1, len(shares))}


def _log_probabilities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    sides: list[tuple[str, str]],
) -> list[float]:
    """Log p(end | beginning) in nats of each pair, whatever tokens the two are cut into."""
    context = getattr(model.config, "max_position_embeddings", None)
    rows = []
    for beginning, end in sides:
        before = _ids(tokenizer, beginning)
        whole = _ids(tokenizer, beginning + end)
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
        some = order[start : start + _ROWS]
        for index, value in zip(
            some, _score(model, tokenizer, [rows[i] for i in some]), strict=True
        ):
            result[index] = value
    return result


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


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

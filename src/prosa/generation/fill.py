"""The words that fit into a gap, with their probabilities, from a model that reads both sides."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.i18n import _
from prosa.tasks.padded import reads_at_once
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.learn import SPACED, algorithm, is_ours
from prosa.tokens.special import MASK


@dataclass(frozen=True)
class Candidate:
    """A word for a gap: the token, the whole text with it, and its probability."""

    token: str
    text: str
    probability: float


def fill(model: PreTrainedModel, tokenizer: Any, text: str, count: int = 5) -> list[Candidate]:
    """The likeliest words for the `[MASK]` of a text.

    Of several masks the first gets `count` candidates, and the others the likeliest word that then
    fits, one after the other; the probability is that of all of them together.

    Raises:
        InputError: There is no mask, the text is too long, or the model does not fill gaps.
    """
    if tokenizer.mask_token is None or not type(model).__name__.endswith("ForMaskedLM"):
        raise InputError(
            _("This model does not fill in words"),
            expected=_("a masked model, such as one of the family encoder that has learned text"),
        )
    for mask in (tokenizer.mask_token, "<mask>"):  # as RoBERTa's users write it
        text = text.replace(mask, MASK)
    ids = gap_ids(tokenizer, text)
    if tokenizer.mask_token_id not in ids:
        raise InputError(
            _("There is no gap in this text"),
            expected=_("a text with {mask} where a word is missing").format(mask=MASK),
        )
    longest = reads_at_once(model)
    if len(ids) > longest:
        raise InputError(
            _("The prompt has {n} tokens; this model's context is {context}").format(
                n=len(ids), context=longest
            ),
            hint=_("Shorten the prompt, or train a model with a larger --context"),
        )
    candidates = []
    gap = ids.index(tokenizer.mask_token_id)
    for probability, token in _likeliest(model, tokenizer, ids, gap, count):
        filled, together = [*ids], probability
        filled[gap] = token
        while tokenizer.mask_token_id in filled:
            later = filled.index(tokenizer.mask_token_id)
            [(share, word)] = _likeliest(model, tokenizer, filled, later, 1)
            filled[later], together = word, together * share
        written = tokenizer.decode(filled, skip_special_tokens=True).strip()
        candidates.append(Candidate(tokenizer.decode([token]).strip(), written, together))
    return candidates


def gap_ids(tokenizer: Any, text: str) -> list[int]:
    """What a model reads of a text in which `[MASK]` stands for words, start and end included."""
    text = text.replace(tokenizer.mask_token, MASK)
    if not is_ours(tokenizer):
        return list(tokenizer(text.replace(MASK, tokenizer.mask_token))["input_ids"])
    encode, mask = TextEncoder(tokenizer), tokenizer.mask_token_id
    if algorithm(tokenizer) == "word":  # a full stop that touches a word is another token
        vocabulary = tokenizer.get_vocab()
        word = next((word for word in vocabulary if word.isalpha() and word not in text), "")
        ids = encode([text.replace(MASK, word)])[0].tolist()
        ids = [mask if number == vocabulary.get(word) else number for number in ids]
    else:
        if algorithm(tokenizer) in SPACED:
            text = text.replace(f" {MASK}", MASK)
        ids = []
        for part in text.split(MASK):
            ids += [*encode([part])[0].tolist(), mask]
        ids.pop()
    return [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]


def _likeliest(
    model: PreTrainedModel, tokenizer: Any, ids: list[int], gap: int, count: int
) -> list[tuple[float, int]]:
    """(probability, token) of the likeliest words for one place."""
    with torch.inference_mode():
        batch = torch.tensor([ids], device=model.device)
        logits = model(input_ids=batch).logits[0, gap].float()
        logits[torch.tensor(tokenizer.all_special_ids)] = -torch.inf
        logits[len(tokenizer) :] = -torch.inf  # a table may be longer than the vocabulary
        words = int(logits.isfinite().sum())
        best = logits.softmax(-1).topk(min(count, words))
    return list(zip(best.values.tolist(), best.indices.tolist(), strict=True))

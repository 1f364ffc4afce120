"""A model, its tokenizer and a sentence: what the model reads and computes, once for all pictures.

Pictures show the weights of attention, which fast kernels never write down; so the model is copied
with its weights shared, and the copy computes attention in the plain way. The model itself, which
may be writing for somebody else at this moment, is left alone.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.extras import quiet
from prosa.generation.batch import context_of
from prosa.generation.fill import gap_ids
from prosa.i18n import _, number
from prosa.tasks.task import writing_task
from prosa.tokens import conversation

LONGEST = 96
"""Tokens of a sentence at most: a table of attention this wide is still readable."""
_CHARACTERS = 100 * LONGEST
_WRITTEN = 24
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
_HIDDEN = (byte for byte in range(256) if byte not in _PRINTED)
_BYTES = {chr(b): b for b in _PRINTED} | {chr(256 + n): b for n, b in enumerate(_HIDDEN)}
"""The letters by which byte-level tokenizers write the 256 bytes (Radford et al. 2019)."""


@dataclass(frozen=True)
class Next:
    """What may come next: a probability for every entry of the model's table [V], and where."""

    probabilities: Tensor
    place: str


class Subject:
    """What is looked at.

    Args:
        model: In evaluation mode.
        tokenizer: The model's own.
        text: A sentence; of a masked model with `[MASK]` where a word is missing.
        begun: Ids that have been chosen already: they go on from the sentence; or are the beginning
            of what is written, of a model that replies; or fill the gaps.

    Attributes:
        ids: The tokens that the model reads.
        fills: It fills in words.
        pairs: An encoder reads one text, and a decoder writes another.
        replies: What it writes answers the sentence (through a chat template, or as `pairs`), and
            does not go on from it.

    Raises:
        InputError: There is no text, or it is too long for pictures or for the model.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: Any, text: str, begun: Sequence[int] = ()
    ) -> None:
        self.text = text.encode("utf-8", "replace").decode()
        if not self.text.strip():
            raise InputError(_("There is no text to look at"), expected=_("a sentence"))
        if len(self.text) > _CHARACTERS:
            what = _("The text has {n} characters, too many for a picture")
            raise InputError(what.format(n=number(len(self.text), 0)), expected=_("a sentence"))
        # Encoding changes switches of a tokenizer that another thread may be decoding with.
        self.tokenizer, self.begun = copy.deepcopy(tokenizer), list(begun)
        self.fills = tokenizer.mask_token is not None and type(model).__name__.endswith(
            "ForMaskedLM"
        )
        self.pairs = bool(model.config.is_encoder_decoder)
        self.replies = self.pairs or (bool(tokenizer.chat_template) and model.can_generate())
        self.ids = self._read(model)
        self._check_length(model)
        self.model = _plain_copy(model)

    def _read(self, model: PreTrainedModel) -> list[int]:
        if self.fills:
            ids = gap_ids(self.tokenizer, self.text)
            for chosen in self.begun:
                ids[ids.index(self.tokenizer.mask_token_id)] = chosen
            return ids
        if self.replies and not self.pairs:
            said = [{"role": "user", "content": self.text}]
            return [*conversation.prompt(self.tokenizer, said), *self.begun]
        if model.can_generate():
            ids = writing_task(model).prompt(self.tokenizer, self.text)
            return ids if self.pairs else ids + self.begun
        return list(self.tokenizer(self.text)["input_ids"])

    def _check_length(self, model: PreTrainedModel) -> None:
        tokens, context = len(self.ids), context_of(model)
        if context is not None and tokens > context:
            raise InputError(
                _("The prompt has {n} tokens; this model's context is {context}").format(
                    n=tokens, context=context
                ),
                hint=_("Shorten the prompt, or train a model with a larger --context"),
            )
        if tokens > LONGEST or len(self.begun) > LONGEST:
            raise InputError(
                _("The text has {n} tokens of this model; pictures hold {most}").format(
                    n=max(tokens, len(self.begun)), most=LONGEST
                ),
                hint=_("Look at one sentence of it"),
            )

    @cached_property
    def special(self) -> set[int]:
        """Tokens that are no text: start, end, those that part turns, and so on."""
        added = self.tokenizer.added_tokens_decoder.items()
        return {*self.tokenizer.all_special_ids, *(i for i, token in added if token.special)}

    @property
    def words(self) -> list[str]:
        """The tokens that the model reads, as a person reads them."""
        return [label(self.tokenizer, i) for i in self.ids]

    @cached_property
    def written(self) -> list[int]:
        """Of `pairs`: the sign to begin, what was begun, and how the model goes on from there."""
        config, settings = self.model.config, self.model.generation_config
        start = getattr(settings, "decoder_start_token_id", None)
        start = getattr(config, "decoder_start_token_id", None) if start is None else start
        begun = [config.bos_token_id if start is None else start, *self.begun]
        with quiet(), torch.inference_mode():
            written = self.model.generate(  # type: ignore[operator]
                **self._batch(self.ids),
                decoder_input_ids=torch.tensor([begun], device=self.model.device),
                max_new_tokens=_WRITTEN,
                do_sample=False,
                num_beams=1,
            )
        return list(written[0].tolist())

    @cached_property
    def output(self) -> Any:
        """What the model returns for the sentence, its attention included."""
        more: dict[str, Any] = {}
        if self.pairs:
            more["decoder_input_ids"] = torch.tensor([self.written[:-1]], device=self.model.device)
        with torch.inference_mode():
            return self.model(
                **self._batch(self.ids), **more, output_attentions=True, use_cache=False
            )

    def _batch(self, ids: list[int]) -> dict[str, Tensor]:
        batch = torch.tensor([ids], device=self.model.device)
        return {"input_ids": batch, "attention_mask": torch.ones_like(batch)}

    @cached_property
    def next(self) -> Next | None:
        """The next word, of the sentence or of the text that is written from it, or the hidden one.

        None where the model guesses no words, or the sentence hides none.
        """
        if self.fills:
            if self.tokenizer.mask_token_id not in self.ids:
                return None
            logits = self.output.logits[0, self.ids.index(self.tokenizer.mask_token_id)].clone()
            logits[torch.tensor(self.tokenizer.all_special_ids)] = -torch.inf
            logits[len(self.tokenizer) :] = -torch.inf
            return Next(logits.float().softmax(-1).cpu(), self.so_far)
        if not self.model.can_generate():
            return None
        at = len(self.begun) if self.pairs else -1
        return Next(self.output.logits[0, at].float().softmax(-1).cpu(), self.so_far)

    @property
    def so_far(self) -> str:
        """The text with what was begun: the sentence, or what is written from it."""
        if not self.begun:
            return "" if self.replies else self.text
        hidden = set(self.tokenizer.all_special_ids) - {self.tokenizer.mask_token_id}
        ids = self.begun if self.replies else self.ids
        return str(self.tokenizer.decode([i for i in ids if i not in hidden]))


def label(tokenizer: Any, token: int) -> str:
    """A token as a person reads it: its spaces are seen, and so are parts of a letter."""
    if token in tokenizer.all_special_ids:
        return _special(tokenizer, token)
    written = str(tokenizer.convert_ids_to_tokens(token))
    text = tokenizer.decode([token], clean_up_tokenization_spaces=False) or written
    if written.startswith("▁"):  # SentencePiece, whose decoder drops the first space
        text = " " + text.lstrip(" ")
    if "\ufffd" in text and all(letter in _BYTES for letter in written):
        text = f"({bytes(_BYTES[letter] for letter in written).hex(' ')})"
    return str(text).replace(" ", "␣").replace("\n", "⏎")


def _special(tokenizer: Any, token: int) -> str:
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    names = {tokenizer.unk_token_id: _("(unknown)")}
    names |= {start: _("(start)"), end: _("(end)")} if start != end else {}
    return names.get(token) or str(tokenizer.convert_ids_to_tokens(token))


def _plain_copy(model: PreTrainedModel) -> PreTrainedModel:
    tensors = chain(model.parameters(), model.buffers())
    shared = {id(tensor): tensor for tensor in tensors}
    plain = copy.deepcopy(model, shared)
    plain.set_attn_implementation("eager")
    return plain

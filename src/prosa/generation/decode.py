"""Text in, text out: a prompt becomes ids, ids go through `generate`, and come back as text.

Any `PreTrainedModel` with `generate` will do; an encoder reads the prompt, a
decoder goes on. A model with a limited context (a Transformer) may
write past it: the oldest half is forgotten then and writing goes on.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from prosa.errors import InputError
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.tasks.task import writing_task

Tokenizer = PreTrainedTokenizerFast
_BROKEN = "\ufffd"  # what a byte-level tokenizer decodes an unfinished character to


def generate(
    model: PreTrainedModel, tokenizer: Tokenizer, prompt: str, options: Decoding | None = None
) -> str:
    """The continuation of a prompt, without the prompt; "" begins a new text.

    Raises:
        InputError: The prompt is longer than the model's context.
    """
    return "".join(stream(model, tokenizer, prompt, options))


def stream(
    model: PreTrainedModel, tokenizer: Tokenizer, prompt: str, options: Decoding | None = None
) -> Iterator[str]:
    """Continue a prompt piece by piece; the pieces joined are what `generate` returns.

    With beams nothing is certain before the end: then there is one piece.
    """
    ids = writing_task(model).prompt(tokenizer, prompt)
    yield from continue_ids(model, tokenizer, ids, options or Decoding())


def continue_ids(
    model: PreTrainedModel, tokenizer: Tokenizer, ids: list[int], options: Decoding
) -> Iterator[str]:
    """Continue a prompt that is already ids (a conversation rendered by its template)."""
    context = context_of(model)
    if context is not None and len(ids) >= context:
        raise InputError(
            _("The prompt has {n} tokens; this model's context is {context}").format(
                n=len(ids), context=context
            ),
            hint=_("Shorten the prompt, or train a model with a larger --context"),
        )

    def decode(part: list[int]) -> str:
        return str(tokenizer.decode(part, skip_special_tokens=True))

    before = [] if model.config.is_encoder_decoder else ids
    pieces = Pieces(decode, before, options.stop)
    for token in _tokens(model, tokenizer, ids, options, pieces):
        if piece := pieces.add(token):
            yield piece
        if pieces.stopped:
            return
    if rest := pieces.end():
        yield rest


def context_of(model: PreTrainedModel) -> int | None:
    """The most tokens a model can see at once; None where that has no limit."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def _tokens(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    ids: list[int],
    options: Decoding,
    pieces: "Pieces",
) -> Iterator[int]:
    """New tokens one by one; renews the prompt when the context is full."""
    context, left = context_of(model), options.max_new_tokens
    ends = _end_ids(model)
    if options.seed is not None:
        torch.manual_seed(options.seed)
    while left > 0:
        free = context is None or model.config.is_encoder_decoder
        room = left if free else min(left, (context or 0) - len(ids))
        written: list[int] = []
        for token in _run(model, tokenizer, ids, room, options, pieces):
            if token in ends:
                return
            written.append(token)
            yield token
        left -= len(written)
        if pieces.stopped or len(written) < room or free:
            return
        assert context is not None
        # Half the context stays as the new prompt: one forward pass for every half written.
        ids = [ids[0], *(ids[1:] + written)[-(context // 2) :]]


def _end_ids(model: PreTrainedModel) -> set[int]:
    ends = model.generation_config.eos_token_id if model.generation_config else None
    return set(ends) if isinstance(ends, list) else {ends} if ends is not None else set()


def _run(
    model: Any,
    tokenizer: Tokenizer,
    ids: list[int],
    room: int,
    options: Decoding,
    pieces: "Pieces",
) -> Iterator[int]:
    """`model.generate`, its tokens as they come."""
    never = {tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id}
    batch = torch.tensor([ids], device=model.device)
    arguments: dict[str, Any] = {
        "input_ids": batch,
        "attention_mask": torch.ones_like(batch),
        "max_new_tokens": room,
        # The end may be the padding too, and the beginning.
        "suppress_tokens": sorted(never - _end_ids(model) - {None}),
        **options.arguments(),
    }
    if options.beams > 1:
        with torch.inference_mode():
            written = model.generate(**arguments)[0].tolist()
        # An encoder-decoder gives the sign to begin and what it wrote, others the prompt as well.
        yield from written[1 if model.config.is_encoder_decoder else len(ids) :]
        return
    tokens = _Queue()

    def write() -> None:
        try:
            with torch.inference_mode():
                model.generate(**arguments, streamer=tokens, stopping_criteria=[tokens])
        except BaseException as error:
            tokens.error = error
        finally:
            tokens.end()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        while (token := tokens.tokens.get()) is not None:
            yield token
            if pieces.stopped:
                return
    finally:
        tokens.closed = True
        thread.join()
    if tokens.error is not None:
        raise tokens.error


class _Queue(BaseStreamer, StoppingCriteria):
    """Hands on the new tokens of one sequence, and stops it when its reader has gone."""

    def __init__(self) -> None:
        self.tokens: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._prompt_seen = False
        self.closed = False
        self.error: BaseException | None = None

    def put(self, value: torch.Tensor) -> None:
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        for token in value.flatten().tolist():
            self.tokens.put(token)

    def end(self) -> None:
        self.tokens.put(None)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_more: Any) -> torch.Tensor:
        return torch.full((len(input_ids),), self.closed, device=input_ids.device)


class Pieces:
    """Turns tokens that come one by one into text that can be printed at once.

    A byte-level token may end inside "ã", and a stop word may have begun: such text is held back
    until what follows decides. Only a short tail is decoded again for each token.

    Args:
        decode: Ids to text.
        before: Ids that stand before the new ones: spacing may depend on them.
        stop: Texts at which to stop.
    """

    def __init__(
        self, decode: Callable[[list[int]], str], before: Sequence[int], stop: Sequence[str] = ()
    ) -> None:
        self._decode = decode
        self._stop = [text for text in stop if text]
        self._ids = list(before[-8:])
        self._known = decode(self._ids)
        self._held = ""
        self.stopped = False

    def add(self, token: int) -> str:
        """Take one more token; return the text that is now certain (often one word, or "")."""
        if self.stopped:
            return ""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(_BROKEN):
            return ""
        if not text.startswith(self._known):
            # Decoders may clean up an earlier space; what was shown stays shown.
            self._known = text[: len(self._known)]
        fresh = text[len(self._known) :]
        self._ids = self._ids[-8:]
        self._known = self._decode(self._ids)
        return self._release(self._held + fresh)

    def end(self) -> str:
        """No token follows: the text that was still held back."""
        if self.stopped:
            return ""
        text = self._decode(self._ids)
        rest = text[len(self._known) :].rstrip(_BROKEN) if text.startswith(self._known) else ""
        held, self._held = self._held + rest, ""
        return self._cut(held)

    def _release(self, text: str) -> str:
        cut = self._cut(text)
        if self.stopped:
            return cut
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _cut(self, text: str) -> str:
        places = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        if not places:
            return text
        self.stopped, self._held = True, ""
        return text[: min(places)]


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of the text that could be the beginning of a stop word."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0

"""Text in, text out: a prompt becomes ids, ids are continued, and come back as text.

Any `PreTrainedModel` with `generate` will do; an encoder reads the prompt, a
decoder goes on. Drawing is `batch.py`'s, with one row; beams are transformers' own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.generation.batch import Batch, Row, check_length, context_of, end_ids
from prosa.generation.options import Decoding
from prosa.generation.stream import Pieces
from prosa.tasks.task import writing_task
from prosa.tokens import conversation

Tokenizer = PreTrainedTokenizerFast


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
    if options.beams > 1:
        yield from _with_beams(model, tokenizer, ids, options)
        return
    batch = Batch(model, tokenizer)
    batch.add(Row(ids, options))
    while len(batch):
        for _row, step in batch.step():
            if step.text:
                yield step.text


def reply_ids(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    messages: Sequence[conversation.Message],
    options: Decoding,
) -> list[int]:
    """What a model reads before it replies to the last of some messages.

    Without a chat template that is the last message alone. Of a conversation longer than the
    context the oldest turns are forgotten, so that a reply of some length has room.

    Raises:
        InputError: The model does not write, or the last message alone is too long.
    """
    if not tokenizer.chat_template:
        return writing_task(model).prompt(tokenizer, messages[-1]["content"])
    if context := context_of(model):
        room = context - min(options.max_new_tokens, context // 2)
        messages = conversation.trim(tokenizer, messages, room)
    return conversation.prompt(tokenizer, messages)


def _with_beams(
    model: Any, tokenizer: Tokenizer, ids: list[int], options: Decoding
) -> Iterator[str]:
    check_length(model, ids)
    pairs, context, ends = model.config.is_encoder_decoder, context_of(model), end_ids(model)
    pieces = Pieces(
        lambda part: str(tokenizer.decode(part, skip_special_tokens=True)),
        [] if pairs else ids,
        options.stop,
    )
    left = options.max_new_tokens
    while left > 0 and not pieces.stopped:
        room = left if pairs or context is None else min(left, context - len(ids))
        written = _search(model, tokenizer, ids, room, options)
        kept = [token for token in written if token not in ends]
        yield "".join(map(pieces.add, kept))
        if len(kept) < room or pairs or context is None:
            break
        left -= room
        ids = [ids[0], *(ids[1:] + kept)[-(context // 2) :]]
    yield pieces.end()


def _search(
    model: Any, tokenizer: Tokenizer, ids: list[int], room: int, options: Decoding
) -> list[int]:
    """What `model.generate` adds to a prompt, the end included."""
    special = {tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id, None}
    batch = torch.tensor([ids], device=model.device)
    with torch.inference_mode():
        written: list[int] = model.generate(
            input_ids=batch,
            attention_mask=torch.ones_like(batch),
            max_new_tokens=room,
            suppress_tokens=sorted(special - end_ids(model) - {None}),
            repetition_penalty=options.repetition_penalty,
            num_beams=options.beams,
            do_sample=False,
        )[0].tolist()
    # An encoder-decoder gives the sign to begin and what it wrote, others the prompt as well.
    return written[1 if model.config.is_encoder_decoder else len(ids) :]

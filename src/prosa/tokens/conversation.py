"""Conversations as text: ChatML, its template, and which tokens a model learns to say.

A turn is `<|im_start|>role`, a line end, what is said, `<|im_end|>`, a line end. The loss counts
on what the assistant says and on the `<|im_end|>` that closes it, so that it learns to stop.
Contents are encoded as plain text: "<|im_end|>" typed by a person closes nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.tokens.encoder import Ids, TextEncoder
from prosa.tokens.learn import is_ours
from prosa.tokens.ragged import Lengths, framed, offsets, positions, sums
from prosa.tokens.special import CHAT_TEMPLATE, TURN_END, TURN_START

Message = dict[str, str]

Weights = NDArray[np.uint8]


def messages(kind: Kind, row: Mapping[str, Any]) -> list[Message]:
    """A record of questions and answers, or of a conversation, as messages.

    Args:
        kind: QUESTION_ANSWER or CONVERSATION.
        row: The record: {"question", "answer"} or {"messages"}.

    Returns:
        Messages {"role", "content"} without white space around the contents.
    """
    if kind is Kind.QUESTION_ANSWER:
        said = [("user", row["question"]), ("assistant", row["answer"])]
    elif kind is Kind.CONVERSATION:
        said = [(message["role"], message["content"]) for message in row["messages"]]
    else:
        raise ValueError(kind)
    return [{"role": role, "content": (content or "").strip()} for role, content in said]


def end_of_turn(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """The id that ends a turn; None for a tokenizer that has no turns."""
    found: int | None = tokenizer.backend_tokenizer.token_to_id(TURN_END)
    return found


class Renderer:
    """Renders many conversations with one tokenizer.

    Equal to `apply_chat_template(..., return_assistant_tokens_mask=True)` with our template, and
    four times faster (measured: 8,600 conversations of 50 words a second).

    Args:
        tokenizer: One that `learn(..., conversation=True)` made, or any with a chat template.

    Raises:
        InputError: The tokenizer has no chat template.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        if not tokenizer.chat_template:
            raise InputError(
                _("This model was trained on plain text; it has no template for conversations"),
                hint=_("Train one on questions and answers or on conversations"),
            )
        self._tokenizer = tokenizer
        self._encode = TextEncoder(tokenizer)
        self._ours = tokenizer.chat_template == CHAT_TEMPLATE and is_ours(tokenizer)
        if self._ours:
            self._line_end = self._encode(["\n"])[0].tolist()

    def __call__(self, conversations: Sequence[Sequence[Message]]) -> tuple[Ids, Weights, Lengths]:
        """Render conversations.

        Returns:
            The ids of all conversations one after the other, the weight of each, and how many
            ids each conversation has. The first id of each is the start, where there is one.
        """
        if self._ours:
            return self._render(conversations)
        rendered = [_with_template(self._tokenizer, one) for one in conversations]
        return (
            np.concatenate([np.zeros(0, np.uint32), *(ids for ids, _weights in rendered)]),
            np.concatenate([np.zeros(0, np.uint8), *(weights for _ids, weights in rendered)]),
            np.array([len(ids) for ids, _weights in rendered], dtype=np.int64),
        )

    def prompt(self, conversation: Sequence[Message]) -> list[int]:
        """The ids after which the assistant speaks next."""
        if not self._ours:
            return _applied(self._tokenizer, conversation, add_generation_prompt=True)
        ids = self._render([conversation])[0].tolist()
        return [*ids, self._id(TURN_START), *self._encode(["assistant\n"])[0].tolist()]

    def _render(self, conversations: Sequence[Sequence[Message]]) -> tuple[Ids, Weights, Lengths]:
        turns = [message for one in conversations for message in one]
        ids, lengths = self._encode([_text(turn) for turn in turns])
        roles = np.array([turn["role"] for turn in turns], dtype=object)
        headers = np.zeros(len(turns), dtype=np.int64)
        for role in set(roles):
            headers[roles == role] = len(self._encode([f"{role}\n"])[0])
        spoken = roles == "assistant"
        weights = np.repeat(spoken, lengths) & (positions(lengths) >= np.repeat(headers, lengths))
        after = [self._id(TURN_END), *self._line_end]
        ids, whole = framed(ids, lengths, [self._id(TURN_START)], after)
        weights, _whole = framed(weights.astype(np.uint8), lengths, [0], [0] * len(after))
        weights[(offsets(whole)[1:] - len(after))[spoken]] = 1
        counts = np.array([len(one) for one in conversations], dtype=np.int64)
        whole = sums(whole, counts)
        start = [self._tokenizer.bos_token_id]
        ids, result = framed(ids, whole, start, [])
        return ids, framed(weights, whole, [0], [])[0], result

    def _id(self, token: str) -> int:
        found = self._tokenizer.backend_tokenizer.token_to_id(token)
        assert found is not None
        return found


def render(
    tokenizer: PreTrainedTokenizerFast, conversation: Sequence[Message]
) -> tuple[list[int], list[int]]:
    """Render one conversation.

    Returns:
        Its ids, the start included, and for each 1 where the loss counts, else 0.
    """
    ids, weights, _lengths = Renderer(tokenizer)([conversation])
    return ids.tolist(), weights.tolist()


def prompt(tokenizer: PreTrainedTokenizerFast, conversation: Sequence[Message]) -> list[int]:
    """The ids of a conversation in which the assistant speaks next."""
    return Renderer(tokenizer).prompt(conversation)


def trim(
    tokenizer: PreTrainedTokenizerFast, conversation: Sequence[Message], room: int
) -> list[Message]:
    """Forget the oldest turns, question and answer together, until the prompt fits.

    Instructions at the beginning (role "system") and what was said last are always kept.

    Args:
        tokenizer: The model's tokenizer.
        conversation: The messages so far; the last one is the person's.
        room: Tokens that the prompt may have.

    Returns:
        The messages that fit.

    Raises:
        InputError: What was said last does not fit by itself.
    """
    renderer = Renderer(tokenizer)
    system = list(takewhile(lambda message: message["role"] == "system", conversation))
    said = list(conversation[len(system) :])
    while (size := len(renderer.prompt(system + said))) > room:
        later = [i for i, message in enumerate(said) if i and message["role"] == "user"]
        if not later:
            raise InputError(
                _("What was said has {n} tokens; this model can read {room} at once").format(
                    n=size, room=room
                ),
                hint=_("Say it in fewer words, or train a model with a larger --context"),
            )
        said = said[later[0] :]
    return system + said


def _text(turn: Message) -> str:
    return f"{turn['role']}\n{turn['content'].strip()}"


def _with_template(
    tokenizer: PreTrainedTokenizerFast, conversation: Sequence[Message]
) -> tuple[Ids, Weights]:
    """Render with a template that is not ours.

    What the assistant says is found by rendering the turns before it, so the template must write
    each turn without a look at those that follow.
    """
    whole = _applied(tokenizer, conversation)
    weights = np.zeros(len(whole), dtype=np.uint8)
    for i, message in enumerate(conversation):
        if message["role"] == "assistant" and i:
            start = len(_applied(tokenizer, conversation[:i], add_generation_prompt=True))
            weights[start : len(_applied(tokenizer, conversation[: i + 1]))] = 1
    return np.array(whole, dtype=np.uint32), weights


def _applied(tokenizer: Any, conversation: Sequence[Message], **options: bool) -> list[int]:
    return list(tokenizer.apply_chat_template(list(conversation), return_dict=False, **options))

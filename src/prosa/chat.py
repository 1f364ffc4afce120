"""A conversation with a model: its history, what it was told to be, and its replies."""

from collections.abc import Iterator
from typing import Any

from prosa.generation.engines import engine
from prosa.generation.options import Decoding

CHAT_DECODING = Decoding(max_new_tokens=400, temperature=0.0)
"""An answer should be the likeliest one, the same each time it is asked for, and whole."""


class Chat:
    """One conversation.

    A model with a chat template replies through it. A model of ours that was trained on plain text
    cannot answer; it continues what is said. With `memory` earlier turns are part of the prompt; a
    model trained on single questions has never seen a second turn: for it this is best off.

    Args:
        model: A `PreTrainedModel`, or a packed one.
        tokenizer: Its tokenizer; None of a packed model, which has its own.
        decoding: How replies are drawn.
        memory: Whether earlier turns are read again.
        system: What the model is told to be, before anything is said.

    Raises:
        InputError: The model does not write.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        decoding: Decoding = CHAT_DECODING,
        *,
        memory: bool = True,
        system: str = "",
    ) -> None:
        self._engine = engine(model, tokenizer)
        self._decoding = decoding
        self._memory = memory
        self._before = [{"role": "system", "content": system}] if system else []
        self.history: list[dict[str, str]] = []

    @property
    def answers(self) -> bool:
        """Whether the model was trained to answer, through a chat template or from a question."""
        return self._engine.answers

    @property
    def plain(self) -> bool:
        """Whether the model came without a chat template, and a plain one was taken."""
        return self._engine.plain

    def reset(self) -> None:
        """Forget the conversation."""
        self.history.clear()

    def say(self, text: str) -> Iterator[str]:
        """Say something; the reply comes in pieces and joins the history when it is complete.

        Raises:
            InputError: What was said does not fit into the model's context.
        """
        question = {"role": "user", "content": text}
        earlier = self.history if self._memory else []
        reply = ""
        for piece in self._engine.reply([*self._before, *earlier, question], self._decoding):
            reply += piece
            yield piece
        self.history += [question, {"role": "assistant", "content": reply.strip()}]

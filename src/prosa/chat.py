"""A conversation with a model: history and the template's prompt."""

from collections.abc import Iterator

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.generation.decode import continue_ids, reply_ids
from prosa.generation.options import Decoding
from prosa.tasks.task import writing_task

CHAT_DECODING = Decoding(max_new_tokens=400, temperature=0.0)
"""An answer should be the likeliest one, the same each time it is asked for, and whole."""


class Chat:
    """One conversation.

    A model trained on questions and answers or on conversations replies through its chat
    template. A model trained on plain text cannot answer; it continues what is said. With `memory`
    earlier turns are part of the prompt; a model trained on single questions has never seen a
    second turn: for it this is best off.

    Raises:
        InputError: The model does not write.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        decoding: Decoding = CHAT_DECODING,
        *,
        memory: bool = True,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._decoding = decoding
        self._memory = memory
        self._task = writing_task(model)
        self._task.prompt(tokenizer, "")  # raises where the model does not write
        self.history: list[dict[str, str]] = []

    @property
    def answers(self) -> bool:
        """Whether the model was trained to answer, through a chat template or from a question."""
        return bool(self._tokenizer.chat_template) or self._task.replies

    def reset(self) -> None:
        """Forget the conversation."""
        self.history.clear()

    def say(self, text: str) -> Iterator[str]:
        """Say something; the reply comes in pieces and joins the history when it is complete.

        Raises:
            InputError: What was said does not fit into the model's context.
        """
        question = {"role": "user", "content": text}
        reply = ""
        messages = [*self.history, question] if self._memory else [question]
        ids = reply_ids(self._model, self._tokenizer, messages, self._decoding)
        for piece in continue_ids(self._model, self._tokenizer, ids, self._decoding):
            reply += piece
            yield piece
        self.history += [question, {"role": "assistant", "content": reply.strip()}]

"""A conversation over an index: what was asked is remembered for the next question."""

from collections.abc import Iterator

from prosa.answering.answerer import Answer, Answerer


class Conversation:
    """One conversation.

    Args:
        answerer: Answers the questions.
    """

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self.history: list[dict[str, str]] = []
        self.last: Answer | None = None

    def reset(self) -> None:
        """Forget the conversation."""
        self.history.clear()
        self.last = None

    def ask(self, question: str) -> Answer:
        """Ask; the question and the answer join the history.

        Raises:
            InputError: The question is empty.
        """
        asked = [turn["content"] for turn in self.history if turn["role"] == "user"]
        self.last = self._answerer.ask(question, asked)
        self.history += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": self.last.answer},
        ]
        return self.last

    def say(self, text: str) -> Iterator[str]:
        """The answer alone, as the conversation with a model gives it."""
        yield self.ask(text).answer

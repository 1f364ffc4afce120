"""`perguntas`: answers on language models and on using prosa, and questions without an answer.

Each answer comes with several wordings of its question, one of them held out for testing. The
texts lie in `perguntas/`, a file a topic. Nothing here is learned, searched or split: `rows` in
this package gives the same as records, and later rooms read the parts they want.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

TOPICS = (
    "models",
    "tokens",
    "data",
    "ngrams",
    "embeddings",
    "training",
    "recurrent",
    "attention",
    "pretrained",
    "generation",
    "search",
    "tasks",
    "evaluation",
    "efficiency",
    "society",
    "history",
    "prosa-start",
    "prosa-data",
    "prosa-train",
    "prosa-use",
    "prosa-trouble",
)
"""The topics in the order in which they are read: up the ladder of models, then prosa itself."""


@dataclass(frozen=True)
class Answer:
    """One answer and the ways to ask for it.

    Attributes:
        id: Its own name, such as "tokens-bpe".
        topic: One of `TOPICS`.
        answer: One to four sentences of plain text that stand alone.
        questions: Three wordings or more, to learn from.
        held_out: One more wording, to test with.
    """

    id: str
    topic: str
    answer: str
    questions: tuple[str, ...]
    held_out: str


@dataclass(frozen=True)
class Questions:
    """The whole sample.

    Attributes:
        answers: In the order of `TOPICS` and of their files.
        unanswerable: Questions that none of the answers answers.
        near: Those of `unanswerable` which are near the topics (computing, products of AI, what
            prosa cannot do); the others are about anything else.
    """

    answers: tuple[Answer, ...]
    unanswerable: tuple[str, ...]
    near: tuple[str, ...]


@cache
def load() -> Questions:
    """The sample, always the same; read once a process, in about 10 ms."""
    answers = tuple(
        Answer(
            id=record["id"],
            topic=topic,
            answer=record["answer"],
            questions=tuple(record["questions"]),
            held_out=record["held_out"],
        )
        for topic in TOPICS
        for record in _records(topic)
    )
    lacking = _records("unanswerable")
    return Questions(
        answers=answers,
        unanswerable=tuple(record["question"] for record in lacking),
        near=tuple(record["question"] for record in lacking if record["near"]),
    )


def _records(name: str) -> list[dict[str, Any]]:
    path = files("prosa.samples").joinpath("perguntas", f"{name}.jsonl")
    # Not splitlines(): a text may hold a separator that only Unicode counts as a line end.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]

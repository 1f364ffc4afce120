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
    """One to four sentences that stand alone, and the ways to ask for them.

    `questions` are three wordings or more, to learn from; `held_out` is one more, to test with.
    """

    id: str
    topic: str
    answer: str
    questions: tuple[str, ...]
    held_out: str


@dataclass(frozen=True)
class Questions:
    """The whole sample: answers in the order of `TOPICS`, and questions that none of them answers.

    `near` are those of `unanswerable` which are near the topics (computing, products of AI, what
    prosa cannot do); the others are about anything else.
    """

    answers: tuple[Answer, ...]
    unanswerable: tuple[str, ...]
    near: tuple[str, ...]


@cache
def load() -> Questions:
    """The sample, always the same; read once a process, in about 10 ms."""
    answers = tuple(
        Answer(**{**record, "topic": topic, "questions": tuple(record["questions"])})
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

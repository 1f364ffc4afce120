"""`prosa demo`: the ladder on bundled stories, and a chat model on bundled questions."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prosa import runs
from prosa.i18n import _
from prosa.verbs.comparing import PROBED, PROBES, climb, side_by_side
from prosa.verbs.request import Request
from prosa.verbs.training import Run, train

if TYPE_CHECKING:
    from prosa.comparison import Comparison
    from prosa.samples.probes import Probe
    from prosa.samples.questions import Answer
    from prosa.training.events import Listener

STORIES = 8_000
"""Stories the models learn from; on two slow cores the decoder does not come to the end of them."""
MINUTES, LADDER_MINUTES, COMPARING_MINUTES, CLOSING_MINUTES = 4.0, 2.5, 0.4, 0.2
"""Of all, of the families, of comparing them, and of the chat model's answers, with the start of
Python. The chat model learns in what is left, 0.8 or so."""
PROMPT = "Ana estava no jardim com a sua bola"
ANSWERS = 30
"""Answers the chat model learns: all 330 cannot be known by heart in its share of the time."""
QUESTIONS = 4
"""Questions it is asked: half in words it was trained on, half in words it was not."""


@dataclass(frozen=True)
class Answered:
    """A question put to the chat model, what it answered and what it was taught to answer.

    `seen` says whether it was trained on the words of the question.
    """

    question: str
    answer: str
    expected: str
    seen: bool


@dataclass(frozen=True)
class Demo:
    """What the tour showed: the families side by side on stories, and the chat model's answers.

    `baselines` are the shares of the probes that need no learning, by kind: of the best model that
    descended before it had learned, and of the rules in `measure.probes`.
    """

    comparison: "Comparison"
    baselines: dict[str, dict[str, float]]
    answers: list[Answered]
    runs: list[Path]
    seconds: float


def demo(
    *, listen: "Callable[[str], Listener] | None" = None, scale: float = 1.0, root: Path = runs.RUNS
) -> Demo:
    """Train every family that predicts a text whole on stories, compare them, and a chat model.

    Args:
        listen: Called with the title of each part; the listener it returns hears that part.
        scale: Multiplies all times and sizes (tests use a small one).
        root: The folder of runs.
    """
    began = time.monotonic()
    from prosa.data.prepare import PrepareOptions, prepare
    from prosa.data.read import read
    from prosa.samples import stories
    from prosa.samples.probes import probes
    from prosa.training.events import silent

    heard = listen or (lambda _title: silent)
    count = max(200, int(STORIES * scale))
    heard(_("{n} short children's stories in Portuguese").format(n=count))
    rows = [{"text": story} for story in stories.generate(count, seed=0)]
    place = str(root / "demo")
    request = Request(validation=0.02, test=0.02, output=place, overwrite=True)
    prepared = prepare(read(rows), PrepareOptions(validation=0.02, test=0.02))
    until = began + 60 * scale * LADDER_MINUTES
    ladder = climb(prepared, PROBED, request, until, listen=heard, ranked=True)
    asked = probes(max(20, int(PROBES * scale)))
    until = time.monotonic() + 60 * scale * COMPARING_MINUTES
    comparison = side_by_side(ladder, prepared, PROBED, until, prompts=[PROMPT], probes=asked)
    baselines = _baselines(ladder, comparison, asked)
    known = known_by_heart()
    spent = (time.monotonic() - began) / 60
    left = max((MINUTES - CLOSING_MINUTES) * scale - spent, scale / 4)
    chat = train(
        [{"question": q, "answer": one.answer} for one in known for q in one.questions],
        replace(request, minutes=left, validation=0, test=0, output=f"{place}-chat"),
        listen=heard("chat"),
        name="perguntas",
    )
    answers = list(_answers(chat, known))
    paths = [run.path for run in [*ladder, chat]]
    return Demo(comparison, baselines, answers, paths, time.monotonic() - began)


def _baselines(
    ladder: list[Run], comparison: "Comparison", asked: "list[Probe]"
) -> dict[str, dict[str, float]]:
    """What the best model that descended got right before it had learned, and the rules."""
    import torch

    from prosa.measure.probes import ask, rules

    descended = [
        (row.bits_per_byte or math.inf, number)
        for number, (row, run) in enumerate(zip(comparison.models, ladder, strict=True))
        if row.probes and run.result["steps"]
    ]
    best = ladder[min(descended)[1]]
    torch.manual_seed(0)
    untrained: Any = type(best.model)(cast(Any, best.model.config))
    return {"untrained": ask(untrained.eval(), best.tokenizer, asked), **rules(asked)}


def known_by_heart() -> "Sequence[Answer]":
    """Some answers of the sample, of every topic: so many a small model learns in a minute."""
    from prosa.samples import questions

    answers = questions.load().answers
    topics: dict[str, list[Answer]] = {}
    for answer in answers:
        topics.setdefault(answer.topic, []).append(answer)
    each = max(1, ANSWERS // len(topics))
    return [answer for group in topics.values() for answer in group[:each]][:ANSWERS]


def _answers(chat: Run, known: "Sequence[Answer]") -> Iterator[Answered]:
    """Some questions as they were learned, then others in wordings that were held out."""
    from prosa.verbs.writing import Model

    model = Model(str(chat.path), chat.model, chat.tokenizer)
    some = known[:: max(1, len(known) // QUESTIONS)][:QUESTIONS]
    for number, entry in enumerate(some):
        seen = number < len(some) // 2
        question = entry.questions[0] if seen else entry.held_out
        answer = "".join(model.chat().say(question))
        yield Answered(question, answer, entry.answer, seen)

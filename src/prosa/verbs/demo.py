"""`prosa demo`: the ladder on bundled stories, and a chat model on bundled questions."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prosa import runs
from prosa.i18n import _
from prosa.verbs.request import Request
from prosa.verbs.training import Run, train

if TYPE_CHECKING:
    from prosa.comparison import Comparison
    from prosa.samples.probes import Probe
    from prosa.samples.questions import Answer
    from prosa.training.events import Listener

STORIES = 8_000
"""Stories the models learn from; on two slow cores the decoder does not come to the end of them."""
PROBES = 400
"""Probes asked of each model: one standard error is 2.5 points over all kinds, 6 within one."""
MINUTES = {"ngram": 0.1, "lstm": 0.4, "decoder": 1.55, "chat": 0.75}
"""Shares of the four minutes; the rest goes to reading, scoring and the start of Python."""
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
    """What the tour showed: the three story models side by side, and the chat model's answers.

    `baselines` are the shares of the probes that need no learning, by kind: of an untrained decoder
    and of the rules in `measure.probes`.
    """

    comparison: "Comparison"
    baselines: dict[str, dict[str, float]]
    answers: list[Answered]
    runs: list[Path]
    seconds: float


def demo(
    *, listen: "Callable[[str], Listener] | None" = None, scale: float = 1.0, root: Path = runs.RUNS
) -> Demo:
    """Train an n-gram, an LSTM and a decoder on stories, compare them, and a chat model.

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
    options = PrepareOptions(validation=0.02, test=0.02)
    prepared = prepare(read(rows), options)
    ladder = []
    for family in ("ngram", "lstm", "decoder"):
        request = Request(
            family=family,
            minutes=MINUTES[family] * scale,
            output=str(root / f"demo-{family}"),
            overwrite=True,
        )
        ladder.append(train(prepared, request, listen=heard(family), name="historias"))
    asked = probes(max(20, int(PROBES * scale)))
    comparison = _compare(ladder, prepared.splits["test"], asked)
    baselines = _baselines(ladder[-1], asked)
    known = _known()
    chat = train(
        [{"question": q, "answer": one.answer} for one in known for q in one.questions],
        Request(
            family="decoder",
            minutes=MINUTES["chat"] * scale,
            validation=0,
            test=0,
            output=str(root / "demo-chat"),
            overwrite=True,
        ),
        listen=heard("chat"),
        name="perguntas",
    )
    answers = list(_answers(chat, known))
    paths = [run.path for run in [*ladder, chat]]
    return Demo(comparison, baselines, answers, paths, time.monotonic() - began)


def _compare(ladder: list[Run], table: Any, asked: "list[Probe]") -> "Comparison":
    from prosa.comparison import Entry, compare
    from prosa.data.kinds import Kind
    from prosa.generation.options import Decoding

    entries = [
        Entry(
            name=run.result["family"],
            family=run.result["family"],
            model=run.model,
            tokenizer=run.tokenizer,
            train_seconds=run.result["seconds"],
            folder=run.path,
        )
        for run in ladder
    ]
    # Cool enough that each says what it is surest of.
    decoding = Decoding(max_new_tokens=80, temperature=0.4, seed=0)
    return compare(entries, table, Kind.TEXT, prompts=[PROMPT], probes=asked, decoding=decoding)


def _baselines(decoder: Run, asked: "list[Probe]") -> dict[str, dict[str, float]]:
    """What a decoder of the same size gets right before it has learned anything, and the rules."""
    import torch

    from prosa.measure.probes import ask, rules

    torch.manual_seed(0)
    untrained: Any = type(decoder.model)(cast(Any, decoder.model.config))
    untrained.eval()
    return {"untrained": ask(untrained, decoder.tokenizer, asked), **rules(asked)}


def _known() -> "Sequence[Answer]":
    """Some answers from the beginning of every topic, so that the model can talk of each."""
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

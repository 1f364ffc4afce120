"""The tab Compare: the same prompt side by side, a blind vote, and models measured on data."""

import html
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from prosa import files, samples
from prosa.comparison import TEXT, TURNS
from prosa.errors import InputError
from prosa.i18n import _, ngettext
from prosa.report import duration, number, render
from prosa.search.stores import is_index
from prosa.server.jobs import Data
from prosa.server.studio import dataset, ranking
from prosa.server.studio.house import House, alert_box, table, text
from prosa.server.studio.ranking import Vote
from prosa.server.studio.talk import LONGEST
from prosa.verbs.comparing import compare

_SHOWN_SECONDS = 0.25
"""Between two pictures of an answer that is being written."""


@dataclass
class _Answer:
    """What a model writes, and how fast."""

    name: str
    written: str = ""
    speed: str = ""


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    models = gr.CheckboxGroup([], label=_("Models"))
    prompt = gr.Textbox(label=_("Prompt"), lines=2, max_lines=6)
    with gr.Row():
        ask = gr.Button(_("Answers side by side"), variant="primary")
        blind = gr.Button(_("Blind vote: two of them, without their names"))
    answers, pair = gr.HTML(), gr.State(None)
    with gr.Row(visible=False) as voting:
        shares = {1.0: _("A is better"), 0.5: _("Both the same"), 0.0: _("B is better")}
        votes = [(share, gr.Button(name)) for share, name in shares.items()]
    ranks = gr.HTML()
    with gr.Accordion(_("Measure them on data"), open=False):
        below = house.alerting(alert_box())
        data = gr.Dropdown([], label=_("Data"))
        file = gr.File(label=_("Or a file"), height=120)
        measure = gr.Button(_("Measure"), variant="primary")
        page = gr.HTML()
        saved = gr.File(label=_("The page as a file"), visible=False)

    for event in (house.opened, house.tabs.change, house.job.change):
        choices = partial(_choices, house)
        house.when(event, choices, outputs=[models, data, ranks], show_progress="hidden")
    house.when(ask.click, partial(_side_by_side, house), [models, prompt], [answers, voting])
    house.when(blind.click, partial(_blind, house), [models, prompt], [answers, pair, voting])
    for share, button in votes:
        voted = [pair, answers, ranks, voting]
        house.when(button.click, partial(_vote, house, share), [pair], voted)
    below.when(measure.click, partial(_measure, house), [models, data, file], [page, saved])


def _choices(house: House) -> list[Any]:
    """What there is to choose from; what is chosen is left alone, as a person may be choosing."""
    known = {name: name for name in samples.NAMES}
    known |= {job.data: job.title for job in reversed(house.jobs.all())}
    data = [(title, source) for source, title in known.items()]
    return [gr.CheckboxGroup(house.engines.names()), gr.Dropdown(data), _ranks(house)]


def _checked(names: Sequence[str], prompt: str, least: int) -> None:
    if len(names) < least:
        raise InputError(
            ngettext("Choose {n} model or more", "Choose {n} models or more", least).format(n=least)
        )
    if not prompt.strip():
        raise InputError(_("The prompt is empty"), hint=_("Write what they are to answer"))
    if len(prompt) > LONGEST:
        what = _("The prompt has {n} characters").format(n=number(len(prompt), 0))
        raise InputError(what, expected=_("at most {n}").format(n=number(LONGEST, 0)))


def _side_by_side(house: House, names: list[str], prompt: str) -> Iterator[list[Any]]:
    _checked(names, prompt, 1)
    for answers in _written(house, names, prompt):
        shown = [(answer.name, answer.written, answer.speed) for answer in answers]
        yield [_cards(shown), gr.Row(visible=False)]


def _blind(house: House, names: list[str], prompt: str) -> Iterator[list[Any]]:
    names = [name for name in house.writers() if name in names]
    _checked(names, prompt, 2)
    two = random.sample(names, 2)
    answers: list[_Answer] = []
    for answers in _written(house, two, prompt):
        shown = [(letter, one.written, "") for letter, one in zip("AB", answers, strict=False)]
        yield [_cards(shown), None, gr.Row(visible=False)]
    kept = (*two, prompt, *(answer.written for answer in answers))
    yield [gr.skip(), kept, gr.Row(visible=True)]


def _vote(house: House, share: float, pair: tuple[str, ...] | None) -> list[Any]:
    if pair is None:  # a second click
        return [gr.skip()] * 4
    first, second, prompt, *written = pair
    ranking.add(house.votes, Vote(first, second, share), prompt)
    names = (f"A: {first}", f"B: {second}")
    cards = [(name, said, "") for name, said in zip(names, written, strict=True)]
    return [None, _cards(cards), _ranks(house), gr.Row(visible=False)]


def _written(house: House, names: Sequence[str], prompt: str) -> Iterator[list[_Answer]]:
    """The answers of models, one after the other, as far as they are written."""
    answers: list[_Answer] = []
    for name in names:
        answer = _Answer(name)
        answers.append(answer)
        shown = 0.0
        try:
            for _piece in _pieces(house, answer, prompt):
                if time.monotonic() - shown > _SHOWN_SECONDS:
                    yield answers
                    shown = time.monotonic()
        except InputError as error:
            answer.written, answer.speed = house.named(str(error)), ""
        yield answers


def _pieces(house: House, answer: _Answer, prompt: str) -> Iterator[None]:
    engine = house.engines.get(answer.name)
    model = engine.model
    decoding = None if model is None else TEXT if model.continues else TURNS
    began = time.perf_counter()
    for piece in engine.chat([{"role": "user", "content": prompt}], decoding):
        answer.written += piece
        yield
    seconds = time.perf_counter() - began
    if model is None:
        answer.speed = duration(seconds)
    else:
        count = engine.count([answer.written])
        answer.speed = _("{n} tokens/s").format(n=number(count / seconds, 0))


def _cards(answers: Sequence[tuple[str, str, str]]) -> str:
    cards = "".join(
        f"<article>{text(name, 'h4')}{text(written, 'blockquote')}{text(speed, 'small')}</article>"
        for name, written, speed in answers
    )
    return f'<div class="cards" aria-live="polite">{cards}</div>'


def _ranks(house: House) -> str:
    ranks = ranking.rank(ranking.load(house.votes))
    rows = [[one.name, number(one.points, 0), number(one.votes, 0)] for one in ranks]
    names = [_("Model"), _("Points"), _("Votes")]
    return table(names, rows, _("Ranking by blind votes")) if rows else ""


def _measure(house: House, names: list[str], source: str | None, file: str | None) -> list[Any]:
    there = [name for name in house.engines.names() if name in names]
    models = [name for name in there if not is_index(house.root / name)]
    if not models:
        raise InputError(_("Choose the models to measure, at the top"))
    if not source and not file:
        raise InputError(_("Choose data to measure them on, or drop a file in"))
    data = dataset.keep_file(house, file) if file else Data(str(source), str(source))
    result = compare([house.root / name for name in models], data.source)
    named = replace(
        result,
        data=replace(result.data, name=house.named(result.data.name)),
        notes=[house.named(note) for note in result.notes],
    )
    place = named.report(files.scratch() / "comparison.html")
    shown = html.escape(render(named.to_json()))
    title = html.escape(_("The comparison"))
    frame = f'<iframe class="report" sandbox title="{title}" srcdoc="{shown}"></iframe>'
    return [frame, gr.File(str(place), visible=True)]

"""The tab Train: from a file or pasted text to a training that is watched."""

from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from prosa import samples
from prosa.data.kinds import COLUMN_NAMES, COLUMNS, KIND_NAMES, Kind
from prosa.data.prepare import Prepared
from prosa.data.report import Report
from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.registry import family as family_named
from prosa.report import duration, number
from prosa.server.jobs import Data
from prosa.server.studio import dataset, watching
from prosa.server.studio.house import PURPOSES, House, alert_box, text
from prosa.tasks.task import task_for
from prosa.training.plan import DEFAULT_MINUTES, Options
from prosa.verbs.request import outlook

FAMILY = "decoder"
NOTHING_KEPT_BACK = {"validation": 0, "test": 0}
LEAST = 10.0
"""Seconds that a training takes at least: its process has to begin, and the data to be read."""
_ROLES = max(map(len, COLUMNS.values()))


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    with gr.Row(equal_height=True):
        file = gr.File(label=_("A file: txt, md, csv, tsv, json, jsonl, parquet"), height=190)
        with gr.Column():
            pasted = gr.Textbox(label=_("Or paste text here"), lines=4, max_lines=4)
            use = gr.Button(_("Use this text"), size="sm")
        named = [(samples.describe(name), name) for name in samples.NAMES]
        sample = gr.Radio(named, label=_("Or a bundled sample"))
    data = gr.State(None)
    with gr.Column(visible=False) as understood:
        summary, records, tokens = gr.HTML(), gr.HTML(), gr.HTML()
        with gr.Accordion(_("This is not what it is?"), open=False):
            kinds = [(_(name), str(kind)) for kind, name in KIND_NAMES.items()]
            kind = gr.Dropdown(kinds, label=_("It holds"))
            with gr.Row():
                roles = [gr.Dropdown([], visible=False) for _role in range(_ROLES)]
            again = gr.Button(_("Understand it so"), size="sm")
        family = gr.Radio([], label=_("Kind of model"), elem_classes="tall")
        whole = gr.Checkbox(
            label=_("Learn every record"),
            info=_("Nothing is kept back to measure with: for a chatbot that knows all answers."),
        )
        minutes = gr.Number(DEFAULT_MINUTES, label=_("Minutes that you are willing to wait"))
        estimate = gr.HTML()
        below = house.alerting(alert_box())
        start = gr.Button(_("Start training"), variant="primary")
    watching.build(house)

    shown = [data, understood, summary, records, tokens, kind, *roles, family, whole]
    house.when(file.upload, partial(_dropped, house), [file], shown)
    house.when(use.click, partial(_pasted, house), [pasted], shown)
    house.when(sample.input, partial(_chosen, house), [sample], shown)
    house.when(again.click, partial(_again, house), [data, kind, *roles], shown)
    house.when(kind.input, _asked_for, [data, kind], roles)
    for event in (data.change, family.change, minutes.change):
        below.when(event, _cost, [data, family, minutes], [estimate], show_progress="hidden")
    inputs = [data, family, whole, minutes]
    below.when(start.click, partial(_start, house), inputs, [house.job])


def _dropped(house: House, path: str) -> list[Any]:
    return _shown(house, dataset.keep_file(house, path))


def _pasted(house: House, pasted: str) -> list[Any]:
    return _shown(house, dataset.keep_text(house, pasted))


def _chosen(house: House, name: str) -> list[Any]:
    return _shown(house, dataset.sample(name))


def _again(house: House, data: Data, kind: str, *columns: str | None) -> list[Any]:
    return _shown(house, data, kind, _columns(kind, columns))


def _columns(kind: str, columns: tuple[str | None, ...]) -> dict[str, str]:
    """Which column plays which role, where a person has said so for all."""
    given = zip(COLUMNS[Kind(kind)], columns, strict=False)
    return {role: column for role, column in given if column}


def _shown(
    house: House, data: Data, kind: str | None = None, columns: dict[str, str] | None = None
) -> list[Any]:
    """What the tab shows of data: a value for each of `shown` in `build`."""
    prepared = dataset.understand(data, kind, columns or {})
    families = [guess.family for guess in outlook(prepared)]
    choices = [(f"{name}: {_(family_named(name).about.what)}", name) for name in families]
    return [
        replace(
            data,
            kind=prepared.kind,
            size=prepared.report.bytes,
            examples=dataset.examples(prepared),
            said_kind=kind,
            said_columns=tuple((columns or {}).items()),
        ),
        gr.Column(visible=True),
        dataset.summary(house, data, prepared),
        dataset.records(prepared),
        dataset.tokens(prepared),
        str(prepared.kind),
        *_role_fields(data, prepared.kind, prepared.report.columns),
        gr.Radio(choices, value=FAMILY if FAMILY in families else families[0]),
        # An answer that was kept back cannot be guessed from the others.
        prepared.kind is Kind.QUESTION_ANSWER,
    ]


def _asked_for(data: Data, kind: str) -> list[Any]:
    return _role_fields(data, Kind(kind), {})


def _role_fields(data: Data, kind: Kind, columns: dict[str, str]) -> list[Any]:
    fields = []
    for number_of in range(_ROLES):
        role = COLUMNS[kind][number_of] if number_of < len(COLUMNS[kind]) else None
        value = columns.get(role or "")
        fields.append(
            gr.Dropdown(
                list(data.columns),
                value=value if value in data.columns else None,
                label=_("Column of: {role}").format(role=_(COLUMN_NAMES[role]) if role else ""),
                visible=bool(role and data.columns),
            )
        )
    return fields


def _cost(data: Data | None, family: str | None, minutes: float | None) -> str:
    if data is None or data.kind is None or not family:
        return ""
    Options(family, minutes=minutes)
    report = Report(data.kind, {}, bytes=data.size)
    guesses = outlook(Prepared(data.kind, {}, report), minutes or DEFAULT_MINUTES)
    guess = next(guess for guess in guesses if guess.family == family)
    seconds = max(LEAST, guess.seconds)
    time = _("About {time} on this machine").format(time=duration(seconds))
    size = _(", {n} parameters").format(n=number(guess.parameters, 0)) if guess.parameters else ""
    learner = family_named(family)
    good = _("Good for {what}.").format(what=_(learner.about.good_for))
    if purpose := PURPOSES.get(task_for(learner, data.kind).name):
        good = _(purpose)
    return text(f"{time}{size}. {good}")


def _start(
    house: House, data: Data | None, family: str | None, whole: bool, minutes: float | None
) -> str:
    if data is None or not family:
        raise InputError(
            _("There is nothing to train yet"), hint=_("Choose data and a kind of model")
        )
    Options(family, minutes=minutes)
    settings = {"family": family, "minutes": minutes, **data.said}
    if whole:
        settings |= NOTHING_KEPT_BACK
    return house.jobs.start(data, settings, house.language, house.root).name

"""What leads a person on an empty disk to a first chat."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from prosa.i18n import _
from prosa.server.studio import dataset
from prosa.server.studio.house import House, text
from prosa.server.studio.training import FAMILY, NOTHING_KEPT_BACK
from prosa.verbs.demo import known_by_heart

MINUTES = 1.5


def build(house: House) -> None:
    """Put it above the tabs; it is seen while there is no model and no training."""
    with gr.Column(visible=False, elem_classes="welcome") as whole:
        gr.HTML(
            text(_("Your own language model, in two minutes"), "h2")
            + text(_("Nothing leaves this computer: no account, no cost, no internet."))
        )
        with gr.Row():
            sample = gr.Button(_("Try it with a bundled sample"), variant="primary")
            own = gr.Button(_("Begin with a file of mine"))
        gr.HTML(
            text(_("The sample teaches a model 30 answers about language models, in Portuguese."))
        )
    for event in (house.opened, house.job.change, house.tabs.change):
        house.when(event, partial(_look, house), outputs=[whole], show_progress="hidden")
    house.when(sample.click, partial(_try, house), outputs=[house.job, house.tabs])
    house.when(own.click, _go, outputs=[house.tabs])


def _look(house: House) -> Any:
    return gr.Column(visible=not house.engines.names() and not house.jobs.all())


def _try(house: House) -> list[Any]:
    known = known_by_heart()
    rows = [{"question": said, "answer": one.answer} for one in known for said in one.questions]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    data = dataset.keep(house, _("questions.jsonl"), lines.encode())
    examples = tuple(one.questions[0] for one in known[:: len(known) // 3])
    settings = {"family": FAMILY, "minutes": MINUTES, **NOTHING_KEPT_BACK}
    job = house.jobs.start(replace(data, examples=examples), settings, house.language, house.root)
    return [job.name, _go()]


def _go() -> Any:
    return gr.Tabs(selected="training")

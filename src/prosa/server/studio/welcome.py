"""What leads a person on an empty disk to a first chat."""

from functools import partial
from typing import Any

import gradio as gr

from prosa.i18n import _
from prosa.server.studio.house import House, text

SAMPLE, MINUTES = "perguntas", 1.5


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
            text(_("The sample holds questions and answers about language models, in Portuguese."))
        )
    blocks = gr.context.Context.root_block
    assert blocks is not None
    for event in (blocks.load, house.job.change):
        house.when(event, partial(_look, house), outputs=[whole], show_progress="hidden")
    house.when(sample.click, partial(_try, house), outputs=[house.job, house.tabs])
    house.when(own.click, _go, outputs=[house.tabs])


def _look(house: House) -> Any:
    return gr.Column(visible=not house.engines.names() and not house.jobs.all())


def _try(house: House) -> list[Any]:
    settings = {"family": "decoder", "minutes": MINUTES}
    job = house.jobs.start(SAMPLE, SAMPLE, settings, house.language, house.root)
    return [job.name, _go()]


def _go() -> Any:
    return gr.Tabs(selected="training")

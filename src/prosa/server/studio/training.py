"""The tab Train."""

import gradio as gr

from prosa.i18n import _
from prosa.server.studio.house import House


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    gr.Markdown(_("Train"))

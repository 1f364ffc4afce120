"""The page: its tabs in one language, and both languages on the server's application.

A tab is a module of this folder with `build(house)`; one whose module is not there does not appear.
"""

import importlib
import importlib.util
import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from prosa import i18n, runs
from prosa.i18n import N_, _
from prosa.server.engines import Engines
from prosa.server.studio import welcome
from prosa.server.studio.house import House, alert_box

TABS = {
    "chatting": N_("Chat"),
    "training": N_("Train"),
    "comparing": N_("Compare"),
    "asking": N_("Ask"),
    "understanding": N_("Understand"),
}
PATHS = {"en": "/en", "pt_BR": "/pt"}
UPLOAD = "2gb"
"""The largest file that may be dropped in. It goes to the disk in pieces, not through memory."""
CACHE = (3600, 86_400)
"""Every hour Gradio's own copies of what was dropped in are removed, when they are a day old."""

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<text y="27" x="6" font-size="32" fill="#4f46e5">¶</text></svg>'
)
# Gradio calls every place to drop a file "Click to upload or drop files", which hides from screen
# readers what is written on it.
_SCRIPT = """<script>
document.documentElement.lang = "LANGUAGE";
new MutationObserver(() => document.querySelectorAll("button.upload-container[aria-label]")
  .forEach((button) => button.removeAttribute("aria-label"))
).observe(document.documentElement, {childList: true, subtree: true});
</script>"""
_SYSTEM = ("system-ui", "sans-serif")
_FIXED = ("ui-monospace", "monospace")


def mount(app: FastAPI, engines: Engines, root: Path = runs.RUNS) -> FastAPI:
    """Put the page in each language on an application; `/` leads to the browser's one.

    Args:
        app: The server's application, whose checks hold for the page too.
        engines: The loaded models.
        root: The folder of runs.
    """

    @app.get("/", include_in_schema=False)
    def front(request: Request) -> RedirectResponse:
        path = PATHS[preferred(request.headers.get("accept-language", ""))]
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{path}/{query}")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return Response(_ICON, media_type="image/svg+xml")

    css = Path(__file__).with_name("studio.css")
    theme = gr.themes.Default(primary_hue="indigo", font=list(_SYSTEM), font_mono=list(_FIXED))
    # Gradio's own shades fall short of the contrast that WCAG asks for, 4.5.
    theme.set(
        body_text_color_subdued="*neutral_500",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_700",
    )
    for language, path in PATHS.items():
        tag = language.replace("_", "-")
        gr.mount_gradio_app(
            app,
            build(language, engines, root),
            path,
            footer_links=[],
            max_file_size=UPLOAD,
            theme=theme,
            css_paths=css,
            head=_SCRIPT.replace("LANGUAGE", tag),
            ssr_mode=False,
            run_history=False,
        )
    return app


def build(language: str, engines: Engines, root: Path = runs.RUNS) -> gr.Blocks:
    """The page in one language."""
    with (
        i18n.speaking(language),
        gr.Blocks(title="prosa", analytics_enabled=False, delete_cache=CACHE) as blocks,
    ):
        gr.HTML("<h1>prosa</h1>", padding=False)
        model, job = gr.State(None), gr.State(None)
        tabs = gr.Tabs(render=False)
        front = House(language, engines, tabs, model, job, alert_box(), root)
        welcome.build(front)
        tabs.render()
        with tabs:
            for name, title in TABS.items():
                if importlib.util.find_spec(f"{__package__}.{name}"):
                    with gr.Tab(_(title), id=name):
                        module = importlib.import_module(f"{__package__}.{name}")
                        module.build(front.alerting(alert_box()))
    page: gr.Blocks = blocks
    return page


def preferred(header: str) -> str:
    """The language of ours that a browser's Accept-Language likes best.

    Args:
        header: Such as "pt-BR,pt;q=0.9,en;q=0.8". Without one of ours in it: English.
    """
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        tag, _semicolon, weight = part.strip().partition(";q=")
        known = {"pt": "pt_BR", "en": "en"}.get(tag[:2])
        try:
            value = float(weight or 1)
        except ValueError:
            value = 0.0
        if known and value > weights.get(known, 0.0):
            weights[known] = value
    return max(weights, key=lambda language: weights[language], default="en")

"""`prosa ui`."""

import socket
import threading
import webbrowser

import typer

from prosa.cli import shared, usage
from prosa.i18n import _

HOST, PORT = "127.0.0.1", 7860


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(cls=usage.Command, help=_("All of it in the browser."))
    def ui(
        port: int | None = typer.Option(
            None, min=1, max=65535, help=_("The port (default: 7860, or a free one).")
        ),
        no_browser: bool = typer.Option(False, "--no-browser", help=_("Open no browser.")),
    ) -> None:
        _run(port, open_browser=not no_browser)


def _run(port: int | None, *, open_browser: bool) -> None:
    from prosa.extras import need

    need("gradio", "ui")
    import uvicorn

    from prosa.server.studio.program import build

    app = build()
    port = port or _free()
    address = f"http://{HOST}:{port}/"
    shared.say(_("prosa is at {address} (Ctrl-C ends it)").format(address=address))
    if open_browser:
        timer = threading.Timer(1.0, webbrowser.open, [address])
        timer.daemon = True
        timer.start()
    uvicorn.run(app, host=HOST, port=port, log_level="warning")


def _free() -> int:
    """The usual port, or where something has it, any that is free."""
    for port in (PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
            except OSError:
                continue
    return PORT

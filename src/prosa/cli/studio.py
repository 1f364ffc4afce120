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
        _run(_free() if port is None else port, open_browser=not no_browser)


def _run(port: int, *, open_browser: bool) -> None:
    from prosa.extras import need

    for module, extra in (("fastapi", "serve"), ("gradio", "ui")):
        need(module, extra)
    from prosa.server.run import listen, run

    listen(HOST, port).close()  # says that the port is taken before the page is made
    shared.say(_("Getting ready …"))
    from prosa.server.studio.program import build

    app = build()

    def started(address: str) -> None:
        shared.say(_("prosa is at {address} (Ctrl-C ends it)").format(address=address))
        if open_browser:
            timer = threading.Timer(0.5, webbrowser.open, [address])
            timer.daemon = True
            timer.start()

    run(app, HOST, port, started=started, grace=3)


def _free() -> int:
    """The usual port, or 0 for any that is free where something has it."""
    with socket.socket() as probe:
        return PORT if probe.connect_ex((HOST, PORT)) else 0

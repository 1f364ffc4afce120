"""Runs an application on a port of this machine, and ends it without cutting anybody off."""

import errno
import os
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from prosa.errors import InputError
from prosa.i18n import _

GRACE = 30
"""Seconds that answers on their way have to end in."""


class Server(uvicorn.Server):
    """The first signal lets what is running end; the second ends it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal; it is not raised again at the end, which is no failure."""
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket on which nobody listens yet.

    Raises:
        InputError: The port is taken or not for this user, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        where = f"{host}:{port}"
        code = getattr(error, "errno", None)
        if code == errno.EADDRINUSE:
            hint = _("Choose another with --port, or end the program that uses it")
            raise InputError(_("{where} is taken").format(where=where), hint=hint) from error
        hint = _("Choose another --host or --port")
        what = _("nobody can listen on {where}: {why}").format(where=where, why=error)
        raise InputError(what, hint=hint) from error


def run(
    app: FastAPI,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    started: Callable[[str], None] | None = None,
    grace: float = GRACE,
) -> None:
    """Serve until a signal comes.

    Args:
        app: From `app.build`.
        host: The address to listen on.
        port: 0 takes a free one.
        started: Is told the server's address once it is known that this can be had, before anybody
            is answered.
        grace: Seconds that answers on their way have to end in.

    Raises:
        InputError: Nobody can listen there.
    """
    with listen(host, port) as sock:
        shown = f"[{host}]" if ":" in host else host
        if started is not None:
            started(f"http://{shown}:{sock.getsockname()[1]}")
        server(app, grace).run(sockets=[sock])


def server(app: FastAPI, grace: float = GRACE) -> Server:
    """What serves an application; it writes no line about a request, so no prompt anywhere."""
    level = "error" if os.environ.get("PROSA_DEBUG") == "1" else "critical"
    return Server(
        uvicorn.Config(
            app,
            log_level=level,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(grace),
        )
    )

"""Who may speak to the server: looked at before anything else reads the request.

A server on a person's own machine is reached by every page in their browser. A page elsewhere
gives itself away by its Origin, or, having bent its own name to this address (DNS rebinding), by
the Host that it calls. Bodies are counted as they come, whatever their Content-Length says.
"""

import hmac
import ipaddress
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from prosa.i18n import _
from prosa.server.metrics import Metrics
from prosa.server.replies import failure
from prosa.server.settings import Settings

_OPEN = ("/health",)
"""Paths that need no key."""


class Guard:
    """Refuses what `Settings` do not allow, and counts what is answered, by route and status."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._hosts = {"localhost", *map(str.lower, settings.allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        def count(status: int) -> None:  # no path that is not a route's own becomes a label
            self._metrics.request(getattr(scope.get("route"), "path", "other"), status)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self._answer(scope, receive, counted)
        except Exception:
            count(500)  # which is answered by who called this
            raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refused = self._stranger(scope, headers) or self._without_key(scope, headers)
        if refused is None and scope["type"] == "http":
            limit = self._limit(scope["path"])
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length[:20]) > limit:
                refused = 413, _too_large(limit)
            else:
                receive = _counted(receive, limit)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, refused[1])(scope, receive, send)
        else:
            status, what = refused
            await _drain(receive)
            extra = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
            await failure(status, what, headers=extra)(scope, receive, send)

    def _stranger(
        self, scope: MutableMapping[str, Any], headers: Headers
    ) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._known(_name(f"//{host}")):
            what = _("This server does not answer to the name {host}; see --allowed-host")
            return 403, what.format(host=repr(host[:100]))
        for origin in headers.getlist("origin"):
            same = origin.lower().partition("://")[2] == host.lower()
            if not same and _name(origin) not in self._settings.allowed_hosts:
                return 403, _("Pages of another address may not use this server")
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        followed = mode == "navigate" and scope.get("method") in ("GET", "HEAD")
        if site in ("cross-site", "same-site") and "origin" not in headers and not followed:
            return 403, _("Pages of another address may not use this server")
        return None

    def _known(self, name: str | None) -> bool:
        """Whether a name is one of this server's. An address cannot be bent to another one."""
        if name is None or name in self._hosts:
            return name is not None
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._settings.local

    def _without_key(
        self, scope: MutableMapping[str, Any], headers: Headers
    ) -> tuple[int, str] | None:
        key = self._settings.api_key
        if key is None or scope["path"] in _OPEN:
            return None
        kind, _space, given = headers.get("authorization", "").partition(" ")
        # Compared in a time that does not tell how much of it was right.
        right = hmac.compare_digest(given.strip().encode("latin-1"), key.encode())
        if right and kind.lower() == "bearer":
            return None
        return 401, _("This server wants its key: Authorization: Bearer KEY")

    def _limit(self, path: str) -> int:
        uploads = self._settings.upload_paths
        large = bool(uploads) and path.startswith(uploads)
        return self._settings.max_upload if large else self._settings.max_body


def _name(url: str) -> str | None:
    """The name of the machine in an address, without its port."""
    try:
        parts = urlsplit(url)
        _port = parts.port  # raises where it is no number
    except ValueError:
        return None
    more = parts.username is not None or parts.path or parts.query or parts.fragment
    return None if more else parts.hostname


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            await _drain(receive)
            raise HTTPException(413, _too_large(limit))
        return message

    return count


async def _drain(receive: Receive, most: int = 64 << 20) -> None:
    """Read what still comes: a client that is cut off while it sends never sees why."""
    with anyio.move_on_after(10):
        while most > 0:
            message = await receive()
            most -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return


def _too_large(limit: int) -> str:
    return _("The request is larger than {limit} bytes").format(limit=limit)

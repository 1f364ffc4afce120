"""The application: OpenAI's endpoints on FastAPI, for every family of model and for indexes."""

import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio.to_thread
import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from prosa.chat import CHAT_DECODING
from prosa.errors import InputError, ProsaError
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.server.engines import Engine, Engines, UnknownModelError
from prosa.server.guard import Guard
from prosa.server.metrics import Metrics
from prosa.server.replies import Reply, event, failure, usage
from prosa.server.schema import ChatRequest, CompletionRequest, EmbeddingRequest, Writing
from prosa.server.settings import Settings
from prosa.server.tickets import Ticket
from prosa.server.worker import BusyError


def build(engines: Engines, settings: Settings) -> FastAPI:
    """The application; other pages may be mounted on it. Its end gives the engines back."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        engines.close()

    app = FastAPI(title="prosa", docs_url=None, redoc_url=None, lifespan=life)
    metrics = Metrics(engines)
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    _add_failures(app)
    api = _Api(engines, settings, metrics)
    app.get("/health")(api.health)
    app.get("/metrics")(api.metrics)
    app.get("/v1/models")(api.models)
    app.get("/v1/models/{name:path}")(api.model)
    app.post("/v1/chat/completions")(api.chat)
    app.post("/v1/completions")(api.complete)
    app.post("/v1/embeddings")(api.embed)
    return app


class _Api:
    """The endpoints."""

    def __init__(self, engines: Engines, settings: Settings, metrics: Metrics) -> None:
        self._engines, self._settings, self._metrics = engines, settings, metrics

    async def health(self) -> dict[str, str]:
        """Whether the server is there."""
        return {"status": "ok"}

    async def metrics(self) -> Response:
        """Counts, for Prometheus."""
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    def models(self) -> dict[str, Any]:
        """Everything that can be asked."""
        return {"object": "list", "data": [_model(name) for name in self._engines.names()]}

    def model(self, name: str) -> dict[str, Any]:
        """One of them."""
        if name not in self._engines.names():
            self._engines.get(name)  # which says what there is
        return _model(name)

    async def chat(self, body: ChatRequest, request: Request) -> Response:
        """Reply to a conversation."""
        choices = self._choices(body, CHAT_DECODING)
        messages = [message.plain() for message in body.messages]
        engine = await self._engine(body.model)
        work = await anyio.to_thread.run_sync(engine.replies, messages, choices, body.top)
        ticket = Ticket(engine, self._metrics, work)
        return await self._answer(body, request, engine, ticket, chat=True)

    async def complete(self, body: CompletionRequest, request: Request) -> Response:
        """Go on with a text."""
        choices, prompts = self._choices(body, Decoding()), body.prompts()
        self._few(len(prompts) * len(choices), "n")
        engine = await self._engine(body.model)
        work = await anyio.to_thread.run_sync(engine.continuations, prompts, choices, body.top)
        ticket = Ticket(engine, self._metrics, work)
        return await self._answer(body, request, engine, ticket, chat=False)

    async def embed(self, body: EmbeddingRequest, request: Request) -> Response:
        """Vectors of texts."""
        texts = body.texts()
        self._few(len(texts), "input", 16 * self._settings.max_choices)
        engine = await self._engine(body.model)
        ticket = Ticket(engine, self._metrics, [engine.embed(texts)])
        [parts] = await ticket.whole(request)
        rows = np.concatenate(parts)
        if body.dimensions not in (None, rows.shape[1]):
            what = _("the vectors of this model have {n} dimensions").format(n=rows.shape[1])
            raise InputError(what, hint=_("Leave dimensions away"))
        data = [
            {"object": "embedding", "index": i, "embedding": _vector(row, body.encoding_format)}
            for i, row in enumerate(rows)
        ]
        spent = await anyio.to_thread.run_sync(engine.count, texts)
        self._metrics.read(engine.name, spent)
        counts = {"prompt_tokens": spent, "total_tokens": spent}
        return JSONResponse({"object": "list", "data": data, "model": body.model, "usage": counts})

    async def _engine(self, name: str) -> Engine:
        return await anyio.to_thread.run_sync(self._engines.get, name)

    def _choices(self, body: Writing, default: Decoding) -> list[Decoding]:
        """How each choice is drawn; with a seed each has the next one."""
        self._few(body.n or 1, "n")
        one = body.decoding(default)
        self._few(one.max_new_tokens, "max_tokens", self._settings.max_output)
        seeds = [None if one.seed is None else one.seed + k for k in range(body.n or 1)]
        return [replace(one, seed=seed) for seed in seeds]

    def _few(self, count: int, name: str, most: int | None = None) -> None:
        most = self._settings.max_choices if most is None else most
        if count > most:
            raise InputError(
                _("{flag} is {value}").format(flag=name, value=count),
                expected=_("at most {most} on this server").format(most=most),
            )

    async def _answer(
        self, body: Any, request: Request, engine: Engine, ticket: Ticket, *, chat: bool
    ) -> Response:
        reply = Reply(body.model, engine.spelling, chat=chat)
        rows = ticket.rows

        def spent() -> dict[str, int]:  # a prompt is read once, whatever n is
            read = sum(row.read for row in rows[:: body.n or 1])
            return usage(read, sum(row.written for row in rows))

        if body.stream:
            wanted = body.stream_options and body.stream_options.include_usage
            return _Stream(reply, ticket, spent if wanted else None)
        items = await ticket.whole(request)
        choices = [reply.choice(number, steps) for number, steps in enumerate(items)]
        return JSONResponse(reply.body(choices, spent(), chunk=False))


class _Stream(StreamingResponse):
    """Server-sent events; the places are free when the client goes, wherever that was noticed."""

    def __init__(
        self, reply: Reply, ticket: Ticket, spent: Callable[[], dict[str, int]] | None
    ) -> None:
        self._reply, self._ticket, self._spent = reply, ticket, spent
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._events(), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ticket.close()

    async def _events(self) -> AsyncIterator[str]:
        lengths = [0] * len(self._ticket.jobs)
        try:
            async for number, item in self._ticket.items():
                choice = self._reply.choice(number, [item], start=lengths[number])
                text = choice["delta"]["content"] if "delta" in choice else choice["text"]
                lengths[number] += len(text)
                if text or choice["finish_reason"] or choice["logprobs"]:
                    yield event(self._reply.body([choice], chunk=True))
        except Exception as error:  # too late for a status: the stream says it, and ends
            yield event({"error": {"message": _said(error), "type": "server_error"}})
            return
        if self._spent is not None:
            yield event(self._reply.body([], self._spent(), chunk=True))
        yield "data: [DONE]\n\n"


def _add_failures(app: FastAPI) -> None:
    """Every error in OpenAI's shape, with a message a person can act on."""

    def not_json() -> str:
        return _("The body is not JSON in UTF-8")

    async def wrong(_request: Request, error: Any) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return failure(400, f"{not_json()}: {first['ctx']['error']}")
        # Besides names and numbers of fields, pydantic names the types that it has tried.
        parts = [str(part) for part in first["loc"] if str(part).isalnum() or "_" in str(part)]
        place = ".".join(parts[1:])
        return failure(400, f"{place or parts[0]}: {first['msg']}", param=place or None)

    async def http(_request: Request, error: Any) -> Response:
        headers = dict(error.headers or {})
        what = not_json() if error.status_code == 400 else str(error.detail)
        return failure(error.status_code, what, headers=headers)

    async def known(_request: Request, error: Any) -> Response:
        if isinstance(error, BusyError):
            return failure(429, str(error), headers={"Retry-After": str(error.seconds)})
        if isinstance(error, UnknownModelError):
            return failure(404, str(error), param="model", code="model_not_found")
        return failure(400 if isinstance(error, InputError) else 503, str(error))

    async def bug(_request: Request, error: Any) -> Response:
        # With --debug there is a traceback.
        logging.getLogger("prosa").error("500: %s", type(error).__name__)
        return failure(500, _said(error))

    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ProsaError, known)
    app.add_exception_handler(Exception, bug)


def _said(error: Exception) -> str:
    """What a client is told. An error that is no one's fault but ours may quote a prompt."""
    known = isinstance(error, ProsaError)
    return str(error) if known else _("Something went wrong inside prosa")


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "prosa"}


def _vector(row: Any, form: str | None) -> Any:
    if form == "base64":
        return base64.b64encode(row.astype("<f4").tobytes()).decode()
    return row.tolist()

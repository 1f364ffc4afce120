"""The application: an OpenAI-compatible server on FastAPI."""

from typing import Any

from fastapi import FastAPI

from prosa.server.engines import Engines
from prosa.server.settings import Settings


def build(engines: Engines, settings: Settings) -> FastAPI:
    """The application; other pages may be mounted on it."""
    app = FastAPI(title="prosa", docs_url=None, redoc_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        data = [{"id": name, "object": "model", "created": 0} for name in engines.names()]
        return {"object": "list", "data": data}

    return app

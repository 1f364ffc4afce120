"""The page's whole application: the server's API over everything on the disk, and the page."""

from pathlib import Path

from fastapi import FastAPI

from prosa import runs
from prosa.server.studio.page import mount


def build(root: Path = runs.RUNS) -> FastAPI:
    """The application of `prosa ui`."""
    return mount(FastAPI(docs_url=None, redoc_url=None, openapi_url=None), None, root)

"""The application of `prosa ui`: the API over everything on the disk, and the page."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from prosa import runs
from prosa.server import app
from prosa.server.engines import Engines, on_disk
from prosa.server.settings import Settings
from prosa.server.studio.page import PATHS, mount


def build(root: Path = runs.RUNS) -> FastAPI:
    """The application.

    Args:
        root: The folder of models and indexes; those that come later are there at once.
    """
    # What a person types travels with the page's own requests, conversations and all.
    uploads = tuple(f"{path}/gradio_api/" for path in PATHS.values())
    settings = Settings(upload_paths=uploads)
    engines = Engines(partial(on_disk, root), settings)
    return mount(app.build(engines, settings), engines, root)

"""Checkpoints, each made once."""

import shutil

import pytest

from prosa.extras import quiet

from .checkpoints import MAKERS, make


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    with quiet():
        return {name: make(name, root / name) for name in MAKERS}


@pytest.fixture
def checkpoint(_made):
    """The folder of a tiny checkpoint by its name; not to be changed."""
    return lambda name: _made[name]


@pytest.fixture
def damaged(_made, tmp_path):
    """A copy of a checkpoint, to damage."""
    return lambda name: shutil.copytree(_made[name], tmp_path / f"{name}-copy")

"""Shared by all tests: offline, in a folder of their own, in English unless a test asks."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest

from prosa import i18n

pytest_plugins = ["tests.fixtures", "tests.server.browser"]


@pytest.fixture(autouse=True, scope="session")
def _words_alone():
    """No sentence encoder is found by itself: a test that wants one names it."""
    from prosa.search import encoder

    real, encoder._installed = encoder._installed, lambda: False
    yield
    encoder._installed = real


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """Each test runs in an empty folder and in English."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROSA_LANG", raising=False)
    monkeypatch.delenv("PROSA_DEBUG", raising=False)
    i18n.use("en")
    yield
    i18n.use(None)

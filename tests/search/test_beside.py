"""The process that writes the table beside the one that reads the documents."""

import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("lancedb")

from prosa.errors import ProsaError
from prosa.search import beside, lock
from prosa.search.index import build, open_index
from prosa.search.table import Table

TEXT = "A sauna abre às quartas."


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    """A process is worth its start also for a document of a line, lancedb imported or not."""
    monkeypatch.setattr(beside, "WORTH", 0)
    monkeypatch.setattr(beside, "_imported", lambda: False)


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "lazer.txt"
    path.write_text(TEXT, "utf-8")
    return path


def rows(index):
    return [passage.text for _number, passage in Table(index).take([0])]


def test_the_table_is_the_same_with_and_without_a_process_beside(document, tmp_path, monkeypatch):
    build(document, tmp_path / "a")
    monkeypatch.setattr(beside.sys, "executable", "/nada/python")
    build(document, tmp_path / "b")

    assert rows(tmp_path / "a") == rows(tmp_path / "b") == [TEXT]


def test_a_process_that_cannot_begin_is_said_and_leaves_nothing(document, tmp_path, monkeypatch):
    monkeypatch.setattr(beside.sys, "executable", "false")

    with pytest.raises(ProsaError, match="has died"):
        build(document, tmp_path / "indice")

    assert [path.name for path in tmp_path.iterdir()] == ["lazer.txt"]


def test_what_goes_wrong_beside_goes_wrong_here(document, tmp_path, monkeypatch):
    """A full disk keeps its number, a damaged table its message and its hint."""
    code = f"from prosa.search import beside\ndef full(*_): raise OSError({errno.ENOSPC}, 'full')"
    run = [sys.executable, "-c", f"{code}\nbeside.Here.add = full\nbeside._work()"]
    real = subprocess.Popen
    with monkeypatch.context() as patch:
        patch.setattr(beside.subprocess, "Popen", lambda _command, **given: real(run, **given))
        with pytest.raises(ProsaError, match="full"):
            build(document, tmp_path / "indice")
    assert not (tmp_path / "indice").exists()

    build(document, tmp_path / "indice")
    for part in (tmp_path / "indice" / "passages.lance" / "_versions").iterdir():
        part.unlink()
    document.write_text("Outra coisa.", "utf-8")
    with pytest.raises(ProsaError, match="damaged or missing") as caught:
        build(document, tmp_path / "indice")
    assert str(caught.value).lower().count("build it again") == 1
    assert open_index(tmp_path / "indice").search("sauna")[0].text == TEXT


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_it_ends_with_the_run_that_started_it_and_lets_go_of_the_index(tmp_path):
    code = """
import sys, time
from pathlib import Path
from prosa.search import beside
from prosa.search.lock import locked
with locked(Path(".")) as held, beside.writer(beside.Change("indice", 0), beside.WORTH, held):
    print("pronto", flush=True)
    time.sleep(60)
"""
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    with run:
        run.stdout.readline()
        with pytest.raises(ProsaError, match="Another run"), lock.locked(tmp_path):
            pass
        run.kill()
    started = time.monotonic()
    with lock.locked(tmp_path):
        assert time.monotonic() - started < 1.0 + lock._TURNS * lock._TURN
    assert not list(Path(tmp_path, "indice").glob("*.new"))

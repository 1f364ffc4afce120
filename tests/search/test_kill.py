"""A run that is killed at any moment leaves the old state or the new one."""

import random
import signal
import subprocess
import sys
import time

import pytest

from prosa.search.build import build
from prosa.search.index import open_index

OLD = "A piscina aquecida fecha às oito da noite."
NEW = "A sauna finlandesa abre às quartas."

RUN = """
from prosa.search.build import build
print("pronto", flush=True)
build("docs", "indice", encoder="none")
"""


def kill_at_random(folder, times, seed=0):
    """Kill runs at moments spread over a run's whole time; returns the states that were seen."""
    docs = folder / "docs"
    docs.mkdir(exist_ok=True)
    for n in range(60):
        text = "\n\n".join(f"O quarto {n}{m} fica no andar {m} da torre {n}." for m in range(30))
        (docs / f"torre{n}.txt").write_text(text, "utf-8")
    (docs / "lazer.txt").write_text(OLD, "utf-8")
    build("docs", "indice")
    (docs / "novo.txt").write_text("A novidade chegou.\n" * 2000, "utf-8")
    start = time.perf_counter()
    build("docs", "indice")
    whole = time.perf_counter() - start
    chance = random.Random(seed)
    seen = []
    for turn in range(times):
        was = open_index("indice").search("sauna piscina")[0].text
        now = NEW if was == OLD else OLD
        (docs / "lazer.txt").write_text(now, "utf-8")
        (docs / f"novo{turn}.txt").write_text(f"A novidade {turn} chegou.\n" * 2000, "utf-8")
        child = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE)
        child.stdout.readline()  # the imports are done
        time.sleep(chance.uniform(0, 1.5 * whole))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        opened = open_index("indice")
        found = opened.search("sauna piscina")[0].text
        news = opened.search(f"novidade {turn}")
        assert found in (was, now)
        assert any(f"novidade {turn} " in hit.text for hit in news) == (found == now)
        seen.append(found == now)
        finished = build("docs", "indice")
        assert finished.search("sauna piscina")[0].text == now
        left = {path.name for path in (folder / "indice").iterdir()}
        assert left == {"prosa-index.json", "words", ".lock"}
    return seen


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_run_leaves_the_old_state_or_the_new(tmp_path):
    assert len(kill_at_random(tmp_path, 3)) == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_twenty_killed_runs_leave_the_old_state_or_the_new(tmp_path):
    assert False in kill_at_random(tmp_path, 20, seed=1)

"""Many at once, clients that go away, and an end that cuts nobody off."""

import gc
import json
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from prosa.generation.batch import Batch
from prosa.server.engines import Engines, on_disk
from prosa.server.settings import Settings
from prosa.server.tickets import Ticket

from .conftest import serving

LONG = {"model": "endless", "prompt": "O ", "max_tokens": 4_000, "stream": True}
SHORT = {**LONG, "max_tokens": 3, "stream": False}
PATH = "/v1/completions"


@pytest.fixture
def narrow(endless, monkeypatch):
    """A server that writes one text at a time, slowly, and lets one wait."""
    step = Batch.step

    def slow(batch):
        time.sleep(0.005)
        return step(batch)

    monkeypatch.setattr(Batch, "step", slow)
    settings = Settings(max_rows=1, max_waiting=1)
    with serving(Engines(lambda: on_disk(endless), settings), settings) as address:
        yield address


def gauge(address, name):
    line = f'{name}{{model="endless"}} '
    found = [one for one in httpx.get(f"{address}/metrics").text.splitlines() if line in one]
    return float(found[0].removeprefix(line)) if found else 0.0


def until(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_comes_too_late_is_told_when_to_come_again(narrow):
    with httpx.Client(base_url=narrow, timeout=30) as session:
        replies = []
        wait = threading.Thread(target=lambda: replies.append(session.post(PATH, json=SHORT)))
        with session.stream("POST", PATH, json=LONG) as running:
            lines = running.iter_lines()
            next(lines)
            wait.start()
            until(lambda: gauge(narrow, "prosa_waiting") == 1)
            for body in (SHORT, LONG, {**SHORT, "n": 2}):
                late = session.post(PATH, json=body)
                assert late.status_code == 429
                assert int(late.headers["retry-after"]) >= 1
                assert late.json()["error"]["type"] == "rate_limit_error"
        wait.join()
        assert replies[0].status_code == 200
        assert session.post(PATH, json=SHORT).status_code == 200


def test_a_client_that_goes_frees_its_place(narrow):
    gc.collect()
    before = sum(type(one) is Ticket for one in gc.get_objects())
    for _ in range(3):
        with httpx.stream("POST", f"{narrow}{PATH}", json=LONG) as response:
            next(response.iter_lines())
        until(lambda: gauge(narrow, "prosa_running") == 0)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{narrow}{PATH}", json={**LONG, "stream": False}, timeout=0.3)
        until(lambda: gauge(narrow, "prosa_running") == 0)
    gc.collect()
    assert sum(type(one) is Ticket for one in gc.get_objects()) <= before + 1


def test_one_that_waited_frees_its_place_too(narrow):
    with httpx.stream("POST", f"{narrow}{PATH}", json=LONG) as running:
        lines = running.iter_lines()
        next(lines)
        for _ in range(3):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{narrow}{PATH}", json=SHORT, timeout=0.2)
        with httpx.stream("POST", f"{narrow}{PATH}", json=LONG) as waiting:
            assert waiting.status_code == 200
    assert httpx.post(f"{narrow}{PATH}", json=SHORT, timeout=30).status_code == 200


def test_the_first_signal_lets_texts_end(endless):
    with serving(Engines(lambda: on_disk(endless))) as address:
        body = {**LONG, "max_tokens": 1_000}
        with httpx.stream("POST", f"{address}{PATH}", json=body, timeout=30) as response:
            lines = response.iter_lines()
            next(lines)
            address.server.handle_exit(signal.SIGTERM, None)
            assert "data: [DONE]" in list(lines)
        address.thread.join(5)
        assert not address.thread.is_alive()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/health")


def test_the_second_signal_ends_them(narrow):
    with httpx.stream("POST", f"{narrow}{PATH}", json=LONG, timeout=30) as response:
        lines = response.iter_lines()
        next(lines)
        begun = time.monotonic()
        narrow.server.handle_exit(signal.SIGTERM, None)
        narrow.server.handle_exit(signal.SIGTERM, None)
        narrow.thread.join(5)
        assert time.monotonic() - begun < 1.5
        assert not narrow.thread.is_alive()


def test_a_model_that_was_trained_again_is_loaded_anew(endless):
    engines = Engines(lambda: on_disk(endless))
    first = engines.get("endless")
    assert engines.get("endless") is first
    (endless / "endless" / "config.json").touch()
    second = engines.get("endless")
    assert second is not first
    assert "".join(second.chat([{"role": "user", "content": "O "}]))
    assert engines.loaded() == [second]
    engines.close()


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_end(endless):
    words = ["-m", "prosa", "serve", str(endless / "endless"), "--port", "0", "--json"]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE) as process:
        begun = json.loads(process.stdout.readline())
        assert begun["models"] == ["endless"]
        url = f"{begun['url']}/completions"
        with httpx.stream("POST", url, json={**LONG, "max_tokens": 1_000}, timeout=30) as response:
            lines = response.iter_lines()
            next(lines)
            process.send_signal(signal.SIGTERM)
            assert "data: [DONE]" in list(lines)
        assert process.wait(10) == 0

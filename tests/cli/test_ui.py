"""`prosa ui` from the command line."""

import signal
import socket
import subprocess
import sys

import httpx
import pytest


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_port_that_is_taken(prosa, taken):
    code, _out, err = prosa("ui", "--no-browser", "--port", taken)
    assert code == 2
    assert str(taken) in err
    assert "--port" in err


def test_page_is_there_until_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "prosa", "ui", "--no-browser"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stdout if "http://" in line)
            address = line[line.index("http://") :].split()[0]
            with httpx.Client(base_url=address, follow_redirects=True) as client:
                front = client.get("/?x=1", headers={"accept-language": "pt-BR,pt;q=0.9"})
                assert front.url.path == "/pt/"
                assert front.url.query == b"x=1"
                assert client.get("/v1/models").json()["data"] == []
                assert client.get("/", headers={"host": "evil.example"}).status_code == 403
                assert client.get("/en/config").json()["title"] == "prosa"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert list(tmp_path.iterdir()) == []

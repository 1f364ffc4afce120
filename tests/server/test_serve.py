"""`prosa serve`: what is wrong with its flags is said before anything is loaded."""

import socket

import pytest

from prosa.cli import serving


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Nothing to serve"),
        (["no-such-model"], "There is no model 'no-such-model'"),
        (["m", "--host", "0.0.0.0"], "--api-key or PROSA_API_KEY"),
        (["m", "--host", "prosa.example"], "--api-key or PROSA_API_KEY"),
        (["m", "--port", "70000"], "--port"),
        (["m", "--max-waiting", "-1"], "--max-waiting"),
    ],
)
def test_what_is_wrong_is_said(prosa, words, said, monkeypatch):
    monkeypatch.delenv("PROSA_API_KEY", raising=False)
    code, out, err = prosa("serve", *words)
    assert code == 2
    assert said in err
    assert not out


def test_a_port_that_is_taken(prosa, root):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _out, err = prosa("serve", root / "ngram", "--port", port)
    assert code == 2
    assert f"127.0.0.1:{port} is taken" in err
    assert "--port" in err


def test_an_address_of_another_machine(prosa, root):
    words = ("--host", "192.0.2.1", "--api-key", "k")
    code, _out, err = prosa("serve", root / "ngram", *words)
    assert code == 2
    assert "192.0.2.1" in err


def test_a_broken_model_is_said_before_the_server_starts(prosa, tmp_path):
    (tmp_path / "runs" / "b").mkdir(parents=True)
    (tmp_path / "runs" / "b" / "config.json").write_text("{")
    code, _out, err = prosa("serve", "b")
    assert code == 2
    assert "config.json" in err


def test_names_are_those_of_folders_and_whole_where_two_are_the_same(root, tmp_path):
    other = tmp_path / "chat"
    other.mkdir()
    places = [str(root / "chat"), str(other), str(root / "faq")]
    assert list(serving._named(places)) == ["chat", str(other), "faq"]

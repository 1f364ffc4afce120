"""The command line itself: help, language, errors, exit codes."""

import subprocess
import sys

import pytest


def test_help_lists_the_verbs_in_order(prosa):
    code, out, _err = prosa("--help")
    assert code == 0
    places = [out.index(f"\n  {verb} ") for verb in ("demo", "inspect", "train", "generate")]
    assert places == sorted(places)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("verb", ["demo", "inspect", "prepare", "train", "evaluate", "chat"])
def test_every_verb_explains_itself_in_portuguese(prosa, verb):
    code, out, _err = prosa(verb, "--help", "--lang", "pt")
    assert code == 0
    assert out.startswith("Uso:")
    assert "Options" not in out
    assert "Show this message" not in out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["frobnicate"], "frobnicate"),
        (["train"], "DATA"),
        (["train", "x.txt", "--colour"], "--colour"),
        (["train", "x.txt", "--steps", "many"], "--steps"),
        (["models", "a", "b"], "a b"),
        (["generate", "x", "--temperature", "-1"], "temperature"),
        (["generate", "x", "--top-p", "0"], "top-p"),
        (["generate", "no-such-model", "oi"], "no-such-model"),
        (["evaluate", "no-such-model", "x"], "no-such-model"),
        (["inspect", "no-such-file.csv"], "no-such-file.csv"),
        (["train", "no-such-file.csv"], "no-such-file.csv"),
        (["export", "no-such-model", "--to", "pdf"], "pdf"),
        (["chat"], "prosa train"),
    ],
)
def test_a_fault_of_input_is_one_message_and_exit_code_2(prosa, words, named):
    code, _out, err = prosa(*words)
    assert code == 2
    assert named in err
    assert err.startswith("Error:")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "named"),
    [(["--minutes", "abc"], "Esperado: um número."), (["--steps", "1,5"], "um número inteiro")],
)
def test_a_value_that_is_no_number_is_said_in_portuguese(prosa, words, named):
    code, _out, err = prosa("train", "x.txt", *words, "--lang", "pt")
    assert code == 2
    assert named in err
    assert words[0] in err
    assert "valid" not in err


def test_debug_shows_where_it_broke(prosa):
    code, _out, err = prosa("inspect", "no-such-file.csv", "--debug")
    assert code == 2
    assert "Traceback" in err


def test_a_bug_of_ours_is_exit_code_1(prosa, monkeypatch):
    def broken(*_args, **_more):
        raise RuntimeError("porca solta")

    monkeypatch.setattr("prosa.verbs.measuring.list_models", broken)
    code, _out, err = prosa("models")
    assert code == 1
    assert "porca solta" in err
    assert "--debug" in err
    assert "Traceback" not in err


def test_version(prosa):
    import prosa as package

    assert prosa("--version")[1].split() == ["prosa", package.__version__]


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from prosa.cli.app import run; run(['--help']); "
        "bad = {'torch', 'transformers', 'pyarrow', 'numpy', 'rich'} & set(sys.modules);"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""A command line that runs in the process, and small data to run it on."""

import json

import pytest

from prosa.cli.app import run as run_command

NOUNS = ["gato", "cão", "pato", "rato", "bode", "leão"]
PLACES = ["na praça", "no jardim", "na escola", "no rio"]
VERBS = ["corre", "dorme", "canta", "brinca", "pula"]


@pytest.fixture
def prosa(capsys):
    """Run `prosa ...`; gives (exit code, standard output, standard error)."""

    def call(*words):
        code = run_command([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def prosa_json(prosa):
    """Run `prosa ... --json`; gives the object on the last line."""

    def call(*words):
        code, out, err = prosa(*words, "--json")
        assert code == 0, err
        return json.loads(out.splitlines()[-1])

    return call


def sentences():
    return [f"O {n} {v} {p} amanhã." for n in NOUNS for v in VERBS for p in PLACES]


@pytest.fixture
def lines_file(tmp_path):
    path = tmp_path / "frases.txt"
    path.write_text("\n".join(sentences()) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def faq_file(tmp_path):
    path = tmp_path / "faq.csv"
    rows = ["Pergunta,Resposta"]
    rows += [f"Onde o {n} {v}?,O {n} {v} no jardim." for n in NOUNS for v in VERBS]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


QUICK = ["--steps", "4", "--context", "32", "--batch-size", "4", "--vocabulary", "300"]
"""Flags for a training run that takes well under a second."""

TINY = {
    "ngram": ["--vocabulary", "300"],
    "rnn": [*QUICK, "--hidden-size", "16", "--embedding-size", "8", "--layers", "1"],
    "lstm": [*QUICK, "--hidden-size", "16", "--embedding-size", "8", "--layers", "1"],
    "gru": [*QUICK, "--hidden-size", "16", "--embedding-size", "8", "--layers", "1"],
    "decoder": [*QUICK, "--hidden-size", "16", "--layers", "1"],
}

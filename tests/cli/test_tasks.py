"""What families learn beside the next token, and what each cannot do, on the command line."""

import csv
import io
import json
import shutil

import pytest
from tests.fixtures import NOUNS, QUICK, VERBS, sentences

import prosa as library

SMALL = {"steps": 4, "context": 32, "batch_size": 4, "vocabulary": 320, "layers": 1}
RECURRENT = {"hidden_size": 16, "embedding_size": 8}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with data and a small run of each kind."""
    place = tmp_path_factory.mktemp("runs")
    (place / "frases.txt").write_text("\n".join(sentences()) + "\n", encoding="utf-8")
    with (place / "pares.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "target"])
        writer.writerows([f"o {n} {v}", f"{v} {n}"] for n in NOUNS for v in VERBS)
    wanted = {
        "encoder": ("frases.txt", {"family": "encoder", "hidden_size": 16}),
        "denoiser": ("frases.txt", {"family": "encoder-decoder", "hidden_size": 16}),
        "translator": ("pares.csv", {"family": "encoder-decoder", "hidden_size": 16}),
        "seq2seq": ("pares.csv", {"family": "seq2seq", **RECURRENT}),
        "gru": ("frases.txt", {"family": "gru", **RECURRENT}),
    }
    for name, (data, settings) in wanted.items():
        output = str(place / name)
        library.train(str(place / data), output=output, seed=1, **SMALL, **settings)
    return place


@pytest.fixture(autouse=True)
def _there(runs, monkeypatch):
    monkeypatch.chdir(runs)


@pytest.mark.parametrize("name", ["seq2seq", "translator"])
def test_pairs_are_scored_written_and_talked_with(name, prosa, prosa_json, monkeypatch):
    score = prosa_json("evaluate", name, "pares.csv")
    assert 0 < score["bits_per_byte"] < 20
    assert 0 <= score["chrf"] <= 100
    drawn = ["--max-new-tokens", "8", "--seed", "1"]
    first = prosa_json("generate", name, "o gato dorme", *drawn)
    assert first["text"] == prosa_json("generate", name, "o gato dorme", *drawn)["text"]
    code, out, _err = prosa("generate", name, "o gato dorme", "--beams", "2", *drawn)
    assert code == 0
    assert not out.startswith("o gato dorme")  # an answer, not a continuation
    monkeypatch.setattr("sys.stdin", io.StringIO("o pato canta\ntchau\n"))
    code, out, _err = prosa("chat", name, "--max-new-tokens", "5")
    assert code == 0
    assert "Goodbye!" in out
    assert "does not answer" not in out


def test_an_encoder_is_scored_and_fills(prosa, prosa_json):
    score = prosa_json("evaluate", "encoder", "frases.txt")
    assert score["bits_per_byte"] is None
    assert score["loss"] > 0
    filled = prosa_json("fill", "encoder", "O [MASK] dorme.", "--count", "3")
    assert len(filled["candidates"]) == 3
    assert set(filled["candidates"][0]) == {"token", "text", "probability"}
    code, out, _err = prosa("fill", "encoder", "O [MASK] dorme.")
    assert code == 0
    assert "probability" in out


def test_missing_stretches_are_scored_and_filled(prosa, prosa_json):
    score = prosa_json("evaluate", "denoiser", "frases.txt")
    assert score["bits_per_byte"] is None
    code, _out, _err = prosa("generate", "denoiser", "O gato", "--max-new-tokens", "5")
    assert code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "pares.csv", "--family", "encoder"], "--kind text"),
        (["train", "frases.txt", "--family", "seq2seq"], "learn from it: ngram, rnn"),
        (["train", "frases.txt", "--cell", "lstm"], "means nothing to the family decoder"),
        (["train", "pares.csv", "--family", "seq2seq", "--heads", "2"], "only --attention, --cell"),
        (["train", "pares.csv", "--family", "seq2seq", "--attention", "wrong"], "multiplicative"),
        (["train", "pares.csv", "--family", "seq2seq", "--cell", "rnn"], "lstm, gru"),
        (["train", "pares.csv", "--family", "seq2seq", "--hidden-size", "17"], "even"),
        (["train", "pares.csv", "--from", "seq2seq", "--attention", "none"], "has multiplicative"),
        (["train", "frases.txt", "--from", "seq2seq"], "cannot learn from data of the kind 'text'"),
        (["train", "pares.csv", "--from", "gru", "--family", "lstm"], "is a gru"),
        (["evaluate", "encoder", "pares.csv"], "cannot be measured on data of the kind 'pair'"),
        (["evaluate", "seq2seq", "frases.txt"], "cannot be measured on data of the kind 'text'"),
        (["generate", "encoder", "O gato"], "prosa fill"),
        (["chat", "encoder"], "prosa fill"),
        (["fill", "gru", "O [MASK]."], "a masked model"),
        (["fill", "seq2seq", "O [MASK]."], "a masked model"),
        (["fill", "encoder", "O gato."], "There is no gap"),
        (["fill", "encoder", "gato " * 40 + "[MASK]"], "context is 32"),
    ],
)
def test_what_cannot_be_done_is_one_message(prosa, runs, words, said):
    before = sorted(runs.iterdir())
    code, out, err = prosa(*words, *(QUICK if "--family" in words else ()))
    assert code == 2, out + err
    assert err.count("Error:") == 1
    assert said in err
    assert "Traceback" not in err
    assert "O gato" not in out  # nothing is shown before it is known to be possible
    assert sorted(runs.iterdir()) == before


@pytest.mark.parametrize(("name", "other"), [("gru", "encoder"), ("encoder", "gru")])
def test_a_tokenizer_of_another_model_is_refused(prosa, runs, tmp_path, name, other):
    folder = tmp_path / name
    shutil.copytree(runs / name, folder)
    shutil.copy(runs / other / "tokenizer.json", folder)
    code, _out, err = prosa("evaluate", folder, "frases.txt")
    assert code == 2
    assert "different models" in err
    sizes = [
        json.loads((runs / n / "config.json").read_text())["vocab_size"] for n in (name, other)
    ]
    assert sizes[0] == sizes[1]  # so that nothing but the words can tell them apart

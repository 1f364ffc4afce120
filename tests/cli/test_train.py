"""prosa train, evaluate, generate, chat and models, on every family."""

import io
import json

import pytest
from tests.fixtures import QUICK, TINY

TRAIN_KEYS = [
    "output",
    "family",
    "task",
    "parameters",
    "tokenizer",
    "vocabulary",
    "documents",
    "train_tokens",
    "steps",
    "seconds",
    "train_loss",
    "validation_loss",
    "validation_perplexity",
    "validation_bits_per_byte",
    "peak_memory_bytes",
]
EVALUATE_KEYS = [
    "tokens",
    "bytes",
    "unknown",
    "unknown_bytes",
    "loss",
    "perplexity",
    "bits_per_byte",
    "accuracy",
    "seconds",
    "tokens_per_second",
]


@pytest.mark.parametrize("family", TINY)
def test_every_family_trains_scores_writes_and_talks(
    family, prosa, prosa_json, lines_file, monkeypatch
):
    result = prosa_json("train", lines_file, "--family", family, *TINY[family])
    assert list(result) == TRAIN_KEYS
    assert result["output"] == f"runs/frases-{family}"
    assert result["validation_loss"] > 0
    score = prosa_json("evaluate", f"frases-{family}", lines_file)
    assert list(score) == EVALUATE_KEYS
    assert 0 < score["bits_per_byte"] < 20
    drawn = ["--max-new-tokens", "12", "--seed", "1"]
    first = prosa_json("generate", f"frases-{family}", "O gato", *drawn)
    again = prosa_json("generate", f"frases-{family}", "O gato", *drawn)
    assert first["text"] == again["text"]
    beams = ["--beams", "2", "--max-new-tokens", "6"]
    assert prosa_json("generate", f"frases-{family}", "O gato", *beams)["prompt"] == "O gato"
    monkeypatch.setattr("sys.stdin", io.StringIO("O pato\n/reset\n/help\ntchau\n"))
    code, out, _err = prosa("chat", f"frases-{family}", "--max-new-tokens", "5")
    assert code == 0
    assert "/reset" in out
    assert "Goodbye!" in out


def test_a_run_holds_no_pickle_and_says_what_it_is(prosa_json, lines_file, tmp_path):
    prosa_json("train", lines_file, "--family", "lstm", *TINY["lstm"])
    folder = tmp_path / "runs" / "frases-lstm"
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "prosa.json"} <= names
    assert not [n for n in names if n.endswith((".bin", ".pt", ".pth", ".pkl"))]
    manifest = json.loads((folder / "prosa.json").read_text(encoding="utf-8"))
    assert manifest["data"]["fingerprint"]
    assert manifest["plan"]["steps"] == 4
    assert "frases-lstm" in (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["frases-lstm"]


def test_an_explicit_output_that_exists_is_left_alone(prosa, prosa_json, lines_file, tmp_path):
    (tmp_path / "meu").mkdir()
    (tmp_path / "meu" / "nota.txt").write_text("importante")
    code, _out, err = prosa("train", lines_file, "--family", "ngram", "-o", "meu")
    assert code == 2
    assert "meu" in err
    assert (tmp_path / "meu" / "nota.txt").read_text() == "importante"
    assert not (tmp_path / "meu.training").exists()
    prosa_json("train", lines_file, "--family", "ngram", "-o", "meu", "--overwrite")
    assert (tmp_path / "meu" / "config.json").exists()


def test_the_same_command_twice_makes_two_runs(prosa_json, lines_file):
    one = prosa_json("train", lines_file, "--family", "ngram")
    two = prosa_json("train", lines_file, "--family", "ngram")
    assert (one["output"], two["output"]) == ("runs/frases-ngram", "runs/frases-ngram-2")


def test_questions_and_answers_become_a_chat_model(prosa, prosa_json, faq_file, monkeypatch):
    flags = [*TINY["decoder"], "--validation", "0", "--test", "0"]
    prosa_json("train", faq_file, "--family", "decoder", *flags)
    monkeypatch.setattr("sys.stdin", io.StringIO("Onde o gato dorme?\n"))
    code, out, _err = prosa("chat", "--max-new-tokens", "8", "--json")
    assert code == 0
    talk = json.loads(out.splitlines()[-1])
    assert [m["role"] for m in talk["messages"]] == ["user", "assistant"]


def test_flags_win_over_the_settings_file(prosa_json, lines_file, tmp_path):
    (tmp_path / "s.yaml").write_text(
        "family: lstm\nsteps: 9\ncontext: 32\nhidden-size: 16\nembedding_size: 8\n"
        "layers: 1\nbatch-size: 4\nvocabulary: 300\nclean: [lower]\n"
    )
    result = prosa_json("train", lines_file, "--config", "s.yaml", "--steps", "3")
    assert (result["family"], result["steps"]) == ("lstm", 3)


@pytest.mark.parametrize(
    ("text", "named"), [("a: [1", "line"), ("colour: 3\n", "colour"), ("- a\n- b\n", "YAML")]
)
def test_a_broken_settings_file_is_said(prosa, lines_file, tmp_path, text, named):
    (tmp_path / "s.yaml").write_text(text)
    code, _out, err = prosa("train", lines_file, "--config", "s.yaml")
    assert code == 2
    assert "s.yaml" in err
    assert named in err or "Expected" in err


def test_a_run_starts_from_another(prosa_json, lines_file, tmp_path):
    prosa_json("train", lines_file, "--family", "gru", *TINY["gru"], "-o", "base")
    flags = ["--from", "base", "--steps", "3", "--batch-size", "4", "-o", "more"]
    result = prosa_json("train", lines_file, *flags)
    base = json.loads((tmp_path / "base" / "config.json").read_text())
    more = json.loads((tmp_path / "more" / "config.json").read_text())
    assert result["family"] == "gru"
    assert base["hidden_size"] == more["hidden_size"]
    same = (tmp_path / "base" / "tokenizer.json").read_bytes()
    assert same == (tmp_path / "more" / "tokenizer.json").read_bytes()


def test_models_lists_what_is_there(prosa, prosa_json, lines_file):
    code, out, _err = prosa("models")
    assert code == 0
    assert "decoder" in out
    prosa_json("train", lines_file, "--family", "ngram")
    assert [m["name"] for m in prosa_json("models")["models"]] == ["frases-ngram"]


def test_evaluating_unseen_data_uses_all_of_it(prosa_json, lines_file, tmp_path):
    prosa_json("train", lines_file, "--family", "ngram", "--tokenizer", "whitespace", "--raw")
    other = tmp_path / "outro.txt"
    other.write_text("O gato canta no rio .\nO bode pula .\n", encoding="utf-8")
    score = prosa_json("evaluate", "frases-ngram", other, "--raw")
    assert score["tokens"] == 6 + 4 + 2
    assert score["bytes"] == len("O gato canta no rio .O bode pula .")


@pytest.mark.parametrize(
    "flags",
    [
        ["--hidden-size", "15", "--heads", "4"],
        ["--layers", "0"],
        ["--dropout", "1.5"],
        ["--minutes", "-1"],
        ["--tokenizer", "morse"],
        ["--family", "oracle"],
        ["--clean", "polish"],
        ["--validation", "1.5"],
        ["--vocabulary", "3"],
        ["--order", "3", "--family", "lstm"],
        ["--kind", "poem"],
    ],
)
def test_a_wrong_setting_is_one_message(prosa, lines_file, tmp_path, flags):
    code, out, err = prosa("train", lines_file, *QUICK, *flags)
    assert code == 2, out + err
    assert err.strip().startswith("Error:")
    assert "Traceback" not in err
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("flags", [["--tokenizer", "morse"], ["--family", "oracle"]])
def test_a_wrong_setting_is_said_before_the_data_is_read(prosa, tmp_path, flags):
    code, _out, err = prosa("train", tmp_path / "not-there.txt", *flags)
    assert code == 2
    assert flags[1] in err
    assert "not-there" not in err

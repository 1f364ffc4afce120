"""prosa compare: models side by side, what stands apart, and the whole ladder in its time."""

import json
import time
from html.parser import HTMLParser

import pytest
from tests.fixtures import TINY, sentences

import prosa as library

ROW = {"macro_f1", "majority_accuracy", "exact_match", "f1"} | {
    "name", "family", "parameters", "bits_per_byte", "perplexity", "accuracy",
    "tokens_per_second", "train_seconds", "memory_bytes", "disk_bytes", "task",
    "first_token_seconds", "comparable", "why", "curve", "probes",
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with frases.txt and the runs frases-ngram, frases-lstm and frases-decoder."""
    folder = tmp_path_factory.mktemp("trained")
    from prosa.cli.app import run

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "frases.txt").write_text("\n".join(sentences()) + "\n", encoding="utf-8")
        for family in ("ngram", "lstm", "decoder"):
            assert run(["train", "frases.txt", "--family", family, *TINY[family]]) == 0
    return folder


@pytest.fixture
def here(trained, monkeypatch):
    monkeypatch.chdir(trained)
    return trained


MODELS = ("frases-ngram", "frases-lstm", "frases-decoder")


def test_the_table_fits_and_says_what_was_measured(here, prosa):
    code, out, err = prosa("compare", *MODELS, "--data", "frases.txt")
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 80
    assert "18 records of frases.txt (test)" in out
    for name in MODELS:
        assert out.count(f"  {name}") == 5, name  # two tables and three answers
    assert "-o report.html" in out


def test_json_has_the_documented_keys_and_agrees_with_evaluate(here, prosa_json):
    result = prosa_json("compare", *MODELS, "runs/frases-lstm", "--data", "frases.txt")
    assert set(result) == {"models", "prompts", "report", "data", "notes"}
    assert [row["name"] for row in result["models"]] == list(MODELS)
    assert [row["family"] for row in result["models"]] == ["ngram", "lstm", "decoder"]
    for row in result["models"]:
        assert set(row) == ROW
        assert row["comparable"] is True
        assert row["first_token_seconds"] > 0
        assert row["memory_bytes"] > 4 * row["parameters"] - 1
        alone = prosa_json("evaluate", row["name"], "frases.txt")
        for figure in ("bits_per_byte", "perplexity", "accuracy"):
            assert row[figure] == pytest.approx(alone[figure])
    assert [bool(row["curve"]) for row in result["models"]] == [False, True, True]
    assert result["data"] == {"name": "frases.txt", "part": "test", "documents": 18, "bytes": 553}
    assert result["report"] is None
    for prompt in result["prompts"]:
        assert any(sentence.startswith(prompt["prompt"]) for sentence in sentences())
        assert set(prompt["answers"]) == set(MODELS)


def test_prompts_are_texts_and_lines_of_files(here, prosa_json):
    (here / "pedidos.txt").write_text("O gato\n\nO rato dorme\n", encoding="utf-8")
    words = ["--prompts", "pedidos.txt", "--prompts", "A chuva"]
    result = prosa_json("compare", "frases-ngram", "--data", "frases.txt", *words)
    assert [p["prompt"] for p in result["prompts"]] == ["O gato", "O rato dorme", "A chuva"]


def test_the_page_holds_what_was_measured(here, prosa, prosa_json):
    result = prosa_json("compare", *MODELS, "--data", "frases.txt", "-o", "pages/r.html")
    assert result["report"] == "pages/r.html"
    page = (here / "pages" / "r.html").read_text("utf-8")
    HTMLParser().feed(page)
    for name in MODELS:
        assert name in page
    assert result["prompts"][0]["prompt"] in page
    code, _out, err = prosa("compare", *MODELS, "--data", "frases.txt", "-o", "pages/r.html")
    assert code == 2
    assert "--overwrite" in err
    words = ["--data", "frases.txt", "-o", "pages/r.html", "--overwrite", "--lang", "pt"]
    code, out, err = prosa("compare", "frases-ngram", *words)
    assert code == 0, err
    assert "pages/r.html" in out
    assert '<html lang="pt-BR">' in (here / "pages" / "r.html").read_text("utf-8")
    assert [path.name for path in (here / "pages").iterdir()] == ["r.html"]


def test_a_model_that_learned_from_this_text_stands_apart(here, prosa, prosa_json):
    words = ["--validation", "0", "--test", "0", "-o", "runs/whole"]
    assert prosa("train", "frases.txt", "--family", "ngram", *TINY["ngram"], *words)[0] == 0
    result = prosa_json("compare", "whole", "frases-ngram", "--data", "frases.txt")
    whole, held = result["models"]
    assert result["data"]["part"] == "test"
    assert "learned from 18 of these 18" in whole["why"]
    assert held["comparable"]
    assert any("split it differently" in note for note in result["notes"])
    code, out, _err = prosa("compare", "whole", "--data", "frases.txt")
    assert code == 0
    assert "Not to be ranked" in out
    result = prosa_json("compare", "frases-ngram", "--data", "frases.txt", "--split", "train")
    assert not result["models"][0]["comparable"]


def test_data_that_is_new_is_measured_whole_and_old_data_that_changed_is_said(
    here, prosa_json, prosa
):
    (here / "novo.txt").write_text("O pato corre.\nO pato dorme.\n", encoding="utf-8")
    result = prosa_json("compare", "frases-ngram", "frases-lstm", "--data", "novo.txt")
    assert result["data"]["part"] == "all"
    assert all(row["comparable"] for row in result["models"])
    before = (here / "frases.txt").read_text("utf-8")
    try:
        (here / "frases.txt").write_text(before + "O pato voa.\n", encoding="utf-8")
        result = prosa_json("compare", "frases-ngram", "--data", "frases.txt")
        assert any("may have learned from some of these" in note for note in result["notes"])
        assert "may have learned from some" in prosa("evaluate", "frases-ngram", "frases.txt")[1]
    finally:
        (here / "frases.txt").write_text(before, encoding="utf-8")


def test_other_tasks_and_kinds_stand_apart(here, prosa, prosa_json, faq_file):
    flags = TINY["decoder"]
    for family in ("encoder", "encoder-decoder"):
        assert prosa("train", "frases.txt", "--family", family, *flags, "-o", family)[0] == 0
    result = prosa_json("compare", "encoder", "encoder-decoder", *MODELS, "--data", "frases.txt")
    encoder, t5, *others = result["models"]
    assert "masked" in encoder["why"]
    assert "denoising" in t5["why"]
    assert encoder["first_token_seconds"] is None
    assert all(row["comparable"] for row in others)
    assert "encoder" not in result["prompts"][0]["answers"]
    assert prosa("train", faq_file, "--family", "ngram", "--vocabulary", "400")[0] == 0
    result = prosa_json("compare", "faq-ngram", "frases-ngram", "--data", faq_file)
    answers, text = result["models"]
    assert answers["comparable"]
    assert "plain text" in text["why"]
    assert text["bits_per_byte"] is None
    assert set(result["prompts"][0]["answers"]) == {"faq-ngram", "frases-ngram"}
    assert result["prompts"][0]["prompt"].startswith("Onde o ")
    code, out, err = prosa("compare", "faq-ngram", "frases-ngram", "--data", faq_file)
    assert code == 0, err
    # Where the file lies is said in one line, however long its path is.
    assert max(len(line) for line in out.splitlines() if not line.startswith("Reading")) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "frases.txt"], "MODEL is missing"),
        (["frases-ngram"], "--data is missing"),
        (["frases-ngram", "nobody", "--data", "frases.txt"], "There is no model 'nobody'"),
        (["frases-ngram", "--data", "nothing.txt"], "nothing.txt"),
        (["frases-ngram", "--data", "frases.txt", "--prompts", "nothing.txt"], "nothing.txt"),
        (["frases-ngram", "--data", "frases.txt", "--prompts", " "], "A prompt is empty"),
        (["frases-ngram", "--data", "frases.txt", "--split", "dev"], "no part 'dev'"),
        (["frases-ngram", "--data", "frases.txt", "--minutes", "1"], "--minutes belongs"),
        (["frases-ngram", "--ladder", "frases.txt"], "--ladder trains its own models"),
        (["--ladder", "frases.txt", "--minutes", "0"], "a number above zero"),
    ],
)
def test_bad_input_is_said_once(here, prosa, words, said):
    code, _out, err = prosa("compare", *words)
    assert code == 2
    assert said in err
    assert err.count("Error:") == 1


def test_a_tokenizer_of_another_model_is_refused(here, prosa, tmp_path):
    import shutil

    shutil.copytree(here / "runs" / "frases-lstm", tmp_path / "mixed")
    rows = [{"text": f"{s} {n}"} for n, s in enumerate(sentences())]
    run = library.train(rows, family="ngram", tokenizer="word", output=str(tmp_path / "words"))
    big = library.train(rows * 3, family="ngram", vocabulary=900, output=str(tmp_path / "big"))
    assert run.result["vocabulary"] < 300 < big.result["vocabulary"]
    shutil.copy(tmp_path / "big" / "tokenizer.json", tmp_path / "mixed" / "tokenizer.json")
    code, _out, err = prosa("compare", "frases-ngram", tmp_path / "mixed", "--data", "frases.txt")
    assert code == 2
    assert "the tokenizer has" in err


def test_the_ladder_trains_every_family_and_compares_them(prosa, lines_file, tmp_path):
    began = time.monotonic()
    words = ["--minutes", "0.02", "-o", "r.html", "--json"]
    code, out, err = prosa("compare", "--ladder", lines_file.name, *words)
    assert code == 0, err
    assert time.monotonic() - began < 60
    result = json.loads(out.splitlines()[-1])
    names = [path.name for path in sorted((tmp_path / "runs").iterdir())]
    assert sorted(row["name"] for row in result["models"]) == names
    assert {row["family"] for row in result["models"]} >= {"ngram", "lstm", "decoder", "encoder"}
    assert "seq2seq" not in {row["family"] for row in result["models"]}
    assert result["data"]["part"] == "test"
    for row in result["models"]:
        assert row["comparable"] == (row["task"] == "causal")
    assert (tmp_path / "r.html").is_file()
    # The runs are as those of prosa train: the same part is found again.
    again = prosa("compare", "frases-ngram", "frases-lstm", "--data", lines_file.name)[1]
    assert "(test)" in again


def test_from_python(here):
    run = library.load("frases-ngram")
    result = library.compare([run, "runs/frases-lstm"], "frases.txt", prompts="O gato")
    assert [row.name for row in result.ranked()] == ["frases-ngram", "frases-lstm"]
    assert result.to_json()["prompts"][0]["prompt"] == "O gato"
    page = result.report(here / "python.html")
    assert "O gato" in page.read_text("utf-8")

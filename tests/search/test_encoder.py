"""Dense vectors from a sentence-transformers model, with a static one made here."""

import warnings
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from prosa.errors import InputError
from prosa.search.build import build
from prosa.search.index import open_index

TEXTS = {
    "cama": "O quarto tem uma cama de casal e varanda.",
    "piscina": "A piscina abre às oito horas.",
    "carro": "A garagem cobre vinte carros.",
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A model for which "zorble" is near "carros"; no letter of theirs says so."""
    package = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    words = sorted({w for text in TEXTS.values() for w in pre(text)} | {"zorble", "?"})
    made = Tokenizer(models.WordLevel({w: n for n, w in enumerate(["[UNK]", *words])}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    vectors = [[0.0] * len(words) for _ in range(len(words) + 1)]
    for n, word in enumerate(words):
        vectors[n + 1][words.index("carros" if word == "zorble" else word)] = 1.0
    import numpy as np

    folder = tmp_path_factory.mktemp("encoder")
    static = StaticEmbedding(made, embedding_weights=np.asarray(vectors, np.float32))
    package.SentenceTransformer(modules=[static]).save(str(folder))
    return str(folder)


def pre(text):
    return [w for w, _span in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)]


def test_vectors_find_what_no_word_of_the_question_tells(encoder, tmp_path):
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    files = [tmp_path / f"{name}.txt" for name in TEXTS]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = build(files, tmp_path / "plain")
        made = build(files, tmp_path / "dense", encoder=encoder)
    assert plain.search("zorble?") == []
    assert made.search("zorble?")[0].text == TEXTS["carro"]
    # The manifest remembers the encoder, for who asks and for who adds.
    assert open_index(tmp_path / "dense").search("zorble?")[0].text == TEXTS["carro"]
    (tmp_path / "novo.txt").write_text("O cofre fica na cama.", "utf-8")
    again = build([tmp_path / "novo.txt"], tmp_path / "dense")
    assert len(again) == 4
    assert again.store.settings.encoder == encoder
    assert again.search("zorble?")[0].text == TEXTS["carro"]


@pytest.mark.parametrize("name", ["./nothing", "/no/such/folder", "a/b/c"])
def test_a_folder_that_is_not_there_is_refused_at_once(name, tmp_path):
    (tmp_path / "a.txt").write_text(TEXTS["carro"], "utf-8")
    with pytest.raises(InputError, match="no such model folder"):
        build([tmp_path / "a.txt"], tmp_path / "i", encoder=name)
    assert not (tmp_path / "i").exists()


def test_without_a_network_only_what_is_on_the_disk_is_looked_at(tmp_path, monkeypatch):
    from huggingface_hub import constants

    from prosa.search import encoder

    seen = []

    def loaded(name, *, local_files_only, **_more):
        seen.append((name, local_files_only))
        raise OSError("not found in the cached files")

    def refused(address, **_more):
        seen.append(address)
        raise OSError("Network is unreachable")

    monkeypatch.setattr(
        encoder, "need", lambda *_names: SimpleNamespace(SentenceTransformer=loaded)
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(encoder, "getproxies", dict)
    monkeypatch.setattr(encoder.socket, "create_connection", refused)
    (tmp_path / "a.txt").write_text(TEXTS["carro"], "utf-8")
    with pytest.raises(InputError, match="There is no encoder 'casa/modelo'"):
        build([tmp_path / "a.txt"], tmp_path / "i", encoder="casa/modelo")
    assert seen == [("huggingface.co", 443), ("casa/modelo", True)]
    with pytest.raises(InputError, match="There is no encoder"):
        build([tmp_path / "a.txt"], tmp_path / "i", encoder=str(tmp_path))
    assert seen[2:] == [(str(tmp_path), False)]


def test_a_folder_without_a_model_is_refused(tmp_path):
    pytest.importorskip("sentence_transformers")
    (tmp_path / "a.txt").write_text(TEXTS["carro"], "utf-8")
    with pytest.raises(InputError, match="There is no encoder"):
        build([tmp_path / "a.txt"], tmp_path / "i", encoder=str(tmp_path))
    assert not (tmp_path / "i").exists()

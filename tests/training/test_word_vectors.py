"""Word vectors: read in every customary format, begun with, and written for other programs."""

import gzip
import struct

import numpy as np
import pytest
from tests.fixtures import QUICK

import prosa as library
from prosa.data.word_vectors import read_vectors, width_of
from prosa.errors import InputError

WORDS = {"gato": [0.5, -1.0, 2.0], "cão": [1.5, 0.25, -0.125], "praça": [0.0, 3.0, 1e-3]}
TEXT = "\n".join(f"{word} {' '.join(map(str, row))}" for word, row in WORDS.items()) + "\n"


def binary(words=WORDS, end=b"\n"):
    rows = [word.encode() + b" " + struct.pack("<3f", *row) + end for word, row in words.items()]
    return f"{len(words)} 3\n".encode() + b"".join(rows)


FORMATS = {
    "glove.txt": TEXT.encode(),
    "word2vec.txt": f"3 3\n{TEXT}".encode(),
    "fasttext.vec": f"3 3\n{TEXT}".replace("\n", " \n").replace("3 3 \n", "3 3\n").encode(),
    "tabs.txt": TEXT.replace(" ", "\t").encode(),
    "word2vec.bin": binary(),
    "gensim.bin": binary(end=b""),
    "word2vec.txt.gz": gzip.compress(f"3 3\n{TEXT}".encode()),
    "word2vec.bin.gz": gzip.compress(binary()),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_wanted_words(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(FORMATS[name])
    assert width_of(path) == 3
    found = read_vectors(path, {"gato", "cão", "zebu"})
    assert found.keys() == {"gato", "cão"}
    for word, vector in found.items():
        assert vector.dtype == np.float32
        assert vector.tolist() == pytest.approx(WORDS[word])


def test_words_with_a_space_or_a_number_are_words(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(f"{TEXT}at name@domain.com 1 2 3\n1 4 5 6\n", encoding="utf-8")
    found = read_vectors(path, {"1", "at name@domain.com"})
    assert {word: row.tolist() for word, row in found.items()} == {
        "1": [4, 5, 6],
        "at name@domain.com": [1, 2, 3],
    }


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"", None, "no word vectors"),
        (b"uma frase qualquer\noutra\n", None, "no word vectors"),
        (b"\x00\x01\x02" * 50, None, "no word vectors"),
        (b"\xba\x16\x4f\x2f" + bytes(60), None, "another program's own format"),
        (b"\x80\x04\x95abc", None, "another program's own format"),
        (f"3 3\n{TEXT}".replace("0.25 ", "").encode(), 3, "there are 2 numbers, not 3"),
        (TEXT.replace("0.25 ", "").encode(), 2, "there are 2 numbers, not 3"),
        (TEXT.replace("0.25", "x").encode(), 2, "cannot be read"),
        (TEXT.replace("0.25", "nan").encode(), 2, "not finite"),
        (f"9 3\n{TEXT}".encode(), 4, "has 9 words, and has 3"),
        (f"2 3\n{TEXT}".encode(), 4, "has 2 words, and has 3"),
        (binary()[:-9], None, "word 3: the file is cut off"),
        (binary() + b"x", None, None),
        (gzip.compress(TEXT.encode(), mtime=0)[:-12], None, "broken or cut short"),
    ],
)
def test_what_is_damaged_is_said_with_its_line(content, line, said, tmp_path):
    path = tmp_path / "vetores"
    path.write_bytes(content)
    if said is None:  # what follows the last word of a binary file is nobody's
        assert len(read_vectors(path, {"gato", "cão"})) == 2
        return
    with pytest.raises(InputError, match=said) as caught:
        read_vectors(path, {"gato", "cão"})
    assert caught.value.line == line


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        width_of(tmp_path / "nada.vec")


@pytest.mark.parametrize(
    ("family", "flags"),
    [
        ("gru", ["--tokenizer", "word"]),
        ("lstm", []),
        ("seq2seq", ["--tokenizer", "word", "--attention", "none"]),
    ],
)
def test_a_model_begins_with_them(family, flags, prosa, lines_file, faq_file, tmp_path):
    (tmp_path / "v.vec").write_text(f"3 3\n{TEXT}", encoding="utf-8")
    data = faq_file if family == "seq2seq" else lines_file
    code, out, err = prosa(
        "train", data, "--family", family, "--word-vectors", "v.vec", "--hidden-size", "16",
        "--learning-rate", "1e-9", *QUICK, *flags, "-o", "m",
    )  # fmt: skip
    assert code == 0, err
    assert "words of the vocabulary begin with their vectors" in out
    assert "embeddings of 3" in out
    model = library.load("m")
    ids = model.tokenizer.get_vocab()
    table = model.network.get_input_embeddings().weight.detach()
    word = {"gato": "gato", "praça": "praça"}
    if family == "lstm":  # its subwords begin with the space before them
        word = {"gato": "Ġgato", "praça": "ĠpraÃ§a"}
    rows = {name: table[ids[token]].numpy() for name, token in word.items() if token in ids}
    assert rows
    for name, row in rows.items():
        wanted = np.array(WORDS[name])
        cosine = row @ wanted / np.linalg.norm(row) / np.linalg.norm(wanted)
        assert cosine > 0.999


@pytest.mark.parametrize("name", ["p.vec", "p.bin", "p.txt", "p.vec.gz", "p.bin.gz"])
def test_words_of_a_model_are_written_and_read_again(name, prosa_json, lines_file):
    prosa_json("train", lines_file, "--family", "gru", "--tokenizer", "word", *QUICK, "-o", "m")
    result = prosa_json("embed", "m", "--words", "-o", name)
    model = library.load("m")
    found = read_vectors(name, {"gato", "jardim"})
    ids = model.tokenizer.get_vocab()
    table = model.network.get_input_embeddings().weight.detach().numpy()
    assert result["dimensions"] == table.shape[1] == width_of(name)
    assert result["rows"] > 15
    assert found["gato"] == pytest.approx(table[ids["gato"]], rel=1e-4)
    again = ["--family", "gru", "--tokenizer", "word", *QUICK, "--word-vectors", name]
    assert prosa_json("train", lines_file, *again, "-o", "n")["family"] == "gru"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--family", "gru", "--embedding-size", "8"], "--embedding-size is 8"),
        (["--family", "decoder"], "--word-vectors means nothing to the family decoder"),
        (["--family", "gru", "--word-vectors", "nada.vec"], "no such file"),
        (["--family", "gru", "--tokenizer", "char"], "None of the 0 words"),
    ],
)
def test_what_does_not_go_together_is_said(flags, said, prosa, lines_file, tmp_path):
    (tmp_path / "v.vec").write_text(f"3 3\n{TEXT}", encoding="utf-8")
    small = ["--steps", "2", "--batch-size", "2", "--hidden-size", "16"]
    code, _out, err = prosa(
        "train", lines_file, "--word-vectors", "v.vec", *small, *flags, "-o", "m"
    )
    assert (code, said in err) == (2, True), err
    assert not (tmp_path / "m").exists()

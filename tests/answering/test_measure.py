"""Measuring an index: with questions, and with its own wordings held out."""

import json
import math
import xml.etree.ElementTree as ET

import pytest
from tests.answering.conftest import CAFE, FAQ, GARAGEM, NONSENSE

from prosa.answering import plot
from prosa.answering.questions import Question, read
from prosa.errors import InputError
from prosa.search import learn
from prosa.verbs.answering import index, open_documents

KEYS = [
    "questions", "answerable", "held_out", "accuracy", "coverage", "given", "wrong", "auroc",
    "max_error", "threshold", "bins", "seconds",
]  # fmt: skip


def known():
    return [{"question": some[0], "answer": answer} for answer, some in FAQ.items()]


def test_right_wrong_and_silent_are_counted(faq):
    wrong = {"question": "Posso pagar com Pix?", "answer": "Não aceitamos nada."}
    silent = {"question": NONSENSE, "answer": None}
    result = faq.evaluate([*known(), wrong, silent])
    assert list(result.to_json()) == KEYS
    assert (result.questions, result.answerable, result.given) == (6, 5, 5)
    assert result.accuracy == pytest.approx(0.8)
    assert result.coverage == 1
    assert result.wrong == pytest.approx(0.2)
    assert result.auroc == 1
    assert sum(one.count for one in result.bins) == 6


def test_an_answer_is_right_by_its_words_its_passage_or_its_source(hotel):
    question = "Quanto custa o estacionamento por dia?"
    for right in (
        {"answer": "TRINTA reais"},
        {"answer": ["cem reais", "trinta reais"]},
        {"answer": {"text": ["trinta reais"], "answer_start": [0]}},
        {"answer": "Motos não pagam"},  # not in the sentence, but in its passage
        {"source": "garagem.txt"},
        {"answer": GARAGEM, "source": "garagem.txt"},
    ):
        assert hotel.evaluate([{"question": question, **right}]).accuracy == 1, right
    for wrong in ({"answer": "reai"}, {"answer": "cem reais"}, {"source": "lazer.txt"}):
        assert hotel.evaluate([{"question": question, **wrong}]).accuracy == 0, wrong


def test_only_unanswerable_questions_have_no_accuracy(faq):
    result = faq.evaluate([{"question": NONSENSE}, {"question": "?", "answerable": False}])
    assert result.accuracy is None
    assert result.wrong is None
    assert result.auroc is None
    assert json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ('{"answer": "a"}', "no question"),
        ('{"question": "a", "answerable": true}', "right answer"),
        ('{"question": "a", "id": 3}', "right answer"),
        ("[1]", "no question"),
    ],
)
def test_a_line_at_fault_is_named(tmp_path, line, what):
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n' + line + "\n", "utf-8")
    with pytest.raises(InputError, match=what) as caught:
        read(path)
    assert caught.value.line == 2


def test_what_a_file_of_questions_may_say(tmp_path):
    path = tmp_path / "q.jsonl"
    rows = [{"pergunta": "a", "resposta": "b"}, {"question": "c", "id": None}, {"question": "d"}]
    path.write_text("\n\n".join(map(json.dumps, rows)), "utf-8")
    assert read(path) == [
        Question("a", ("b",)),
        Question("c", answerable=False),
        Question("d", answerable=False),
    ]
    assert len(read("perguntas")) > 400
    for bad in (tmp_path / "no.jsonl", tmp_path):
        with pytest.raises(InputError):
            read(bad)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Forty answers of three wordings, one of which no other resembles."""
    things = ["mesa", "porta", "janela", "cadeira", "lâmpada", "escada", "cama", "pia"]
    parts = ["cor", "altura", "idade", "marca", "garantia"]
    rows = [
        {"question": wording.format(part, thing), "answer": f"Sobre {part} de {thing}: {n}{m}."}
        for n, thing in enumerate(things)
        for m, part in enumerate(parts)
        for wording in ("Qual é a {} da {}?", "Diga a {} da {}", "{} {} por favor")
    ]
    return index(rows, tmp_path_factory.mktemp("muitas") / "indice")


def test_held_out_wordings_measure_without_a_file(large, hotel):
    result = large.evaluate()
    assert result.held_out
    assert result.questions == 40 + 14  # every third one without its answer too
    assert result.accuracy > 0.8
    assert result.auroc > 0.8
    with pytest.raises(InputError, match="too few"):
        hotel.evaluate()


def test_no_wording_is_judged_by_what_its_own_subject_taught(large, monkeypatch):
    """Each trial's calibration was fitted on evidence of other pairs alone."""
    fitted = []
    real = learn.calibrate.fit

    def seen(rows, right, **more):
        fitted.append(len(rows))
        return real(rows, right, **more)

    monkeypatch.setattr(learn.calibrate, "fit", seen)
    trials = learn.rehearse(large.answerer.index, folds=4)
    assert len(fitted) == 4
    assert len({id(one.calibration) for one in trials}) == 4
    assert max(fitted) <= len(trials) * 0.8


def test_the_plot_is_a_picture_with_nothing_unescaped(faq, tmp_path):
    result = faq.evaluate([*known(), {"question": NONSENSE}])
    path = plot.write(result, tmp_path / "c.svg", title="<script>x</script> & co")
    root = ET.fromstring(path.read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == len(result.bins)
    assert "<script>" not in path.read_text("utf-8")


def test_a_share_of_errors_is_kept_to_on_its_own_wordings(large):
    strict = open_documents(large.path, max_error=0.01).evaluate()
    loose = open_documents(large.path, max_error=0.5).evaluate()
    assert strict.given <= loose.given
    assert math.isclose(strict.accuracy, loose.accuracy)
    assert CAFE not in strict.to_json()

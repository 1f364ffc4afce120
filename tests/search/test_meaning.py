"""Words that mean much the same, and how people type: found without sharing a word or a letter."""

import pytest

from prosa.search import lexicon
from prosa.search.build import build
from prosa.search.terms import Analyzer, fold

FAQ = [
    {"question": "Como faço para comprar um ingresso?", "answer": "Na bilheteria."},
    {"question": "Posso estacionar no museu?", "answer": "Há vagas atrás do prédio."},
    {"question": "O museu abre aos domingos?", "answer": "Sim, das dez às quatro."},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return build([FAQ], tmp_path_factory.mktemp("meaning") / "i", language="portuguese")


@pytest.mark.parametrize("question", ["adquirir", "Onde adquiri?", "quero adquirir"])
def test_another_word_for_it_finds_the_answer(made, question):
    assert made.search(question)[0].text == "Na bilheteria."


def test_the_same_word_is_worth_more_than_one_like_it(tmp_path):
    both = [*FAQ, {"question": "Como adquirir um livro?", "answer": "Na loja."}]
    made = build([both], tmp_path / "i", language="portuguese")
    assert made.search("adquirir")[0].text == "Na loja."
    assert made.search("comprar")[0].text == "Na bilheteria."


def test_a_shared_ending_makes_no_likeness_and_a_slip_of_the_finger_does(tmp_path):
    one = [{"question": "Qual é o horário de funcionamento?", "answer": "Das dez às quatro."}]
    made = build([one], tmp_path / "i", language="portuguese")
    assert made.search("estacionamento") == []
    assert made.search("fumcionamento")[0].text == "Das dez às quatro."


def test_a_word_of_the_lexicon_is_not_taken_for_a_function_word(tmp_path):
    """ "tema" and "tem" have one stem: who asks for the subject does not ask for "tem"."""
    both = [
        {"question": "Tem wi-fi?", "answer": "Sim."},
        {"question": "Qual é o tema da aula?", "answer": "Aves."},
    ]
    made = build([both], tmp_path / "i", language="portuguese")
    assert made.search("assunto")[0].text == "Aves."


def test_what_is_typed_in_chats_is_read_as_its_word(made):
    analyzer = Analyzer("portuguese")
    assert analyzer.is_stop("vc")
    assert analyzer.is_stop("q")
    assert analyzer.stem("msg") == analyzer.stem("mensagem")
    plain = made.find("você abre aos domingos porque?")
    typed = made.find("vc abre aos domingos pq?")
    assert (plain.scores == typed.scores).all()


@pytest.mark.parametrize("language", ["portuguese", "english"])
def test_the_files_hold_words_and_no_word_twice_in_a_line(language):
    groups = lexicon.groups(language)
    assert len(groups) > 800
    for group in groups:
        assert 2 <= len(group) == len({fold(word) for word in group}), group
        assert all(part.isalnum() for word in group for part in word.split("-")), group
    assert len(set(groups)) == len(groups)
    assert lexicon.typed(language)


def test_a_language_without_files_has_its_stems_alone(tmp_path):
    made = build([FAQ], tmp_path / "i", language="spanish")
    assert made.search("domingos")[0].text == "Sim, das dez às quatro."
    assert made.search("adquirir") == []

from itertools import pairwise

import pytest

from prosa.tokens import words
from prosa.tokens.learn import learn

from .conftest import TEXTS


def cut(text):
    marked = words.normalizer().normalize_str(text)
    return [token for token, _span in words.pre_tokenizer().pre_tokenize_str(marked)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Olá, mundo!", "Olá ￭, mundo ￭!"),
        ("O guarda-chuva", "O guarda-chuva"),
        ("disse-lhe e fazê-lo", "disse ￭-lhe e fazê ￭-lo"),
        ("lembrar-se-á", "lembrar ￭-se-á"),
        ("um copo d'água", "um copo d'￭ água"),
        ("um pau-d'água", "um pau-d'água"),
        ("Ele (talvez) “não”…", "Ele (￭ talvez ￭) “￭ não ￭” ￭…"),
        ('disse "sim", "não"', 'disse "￭ sim ￭" ￭, "￭ não ￭"'),
        ("R$ 3,14 e 50%", "R ￭$ 3 ￭,￭ 14 e 50 ￭%"),
        ("espera... — sim!!", "espera ￭... — sim ￭!!"),
        ("COVID-19 em 2020-21", "COVID-19 em 2020 ￭-￭ 21"),
        ("don't", "don't"),
        ("a\nb\n\nc", "a \n b \n \n c"),
    ],
)
def test_words_and_marks(text, tokens):
    assert cut(text) == tokens.split(" ")


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "Olá, mundo!",
        'Ele disse: "Olá, (tudo) bem?" — e saiu...',
        "“Quê?!” — perguntou: 'sim', \"não\"",
        "veja http://exemplo.br/a?b=c&d, é útil",
        "amá-lo-ia, vê-las; dá-no-la.",
        "- um\n- dois\n\n* três",
        "é ❤️ e 👩‍👩‍👧!",
        "1.234,56 (a/b) [x_y] {z} #tag @nome 5ª 3º",
        "¿Qué? ¡Sí! «bom» 'ok' a--b -- c",
    ],
)
def test_spacing_comes_back(text):
    tokenizer = learn([text], "word")
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_runs_of_spaces_come_back_as_one():
    tokenizer = learn(["a  b \n  c"], "word")
    assert tokenizer.decode(tokenizer.encode("a  b \n  c")) == "a b\nc"


@pytest.mark.parametrize("text", TEXTS)
def test_text_decoded_token_by_token_only_grows(tokenizers, text):
    tokenizer = tokenizers["word"]
    ids = tokenizer.encode(text)
    shown = [tokenizer.decode(ids[:n]) for n in range(len(ids) + 1)]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(shown))


def test_rare_words_of_a_large_text_are_unknown():
    tokenizer = learn(["palavra comum " * 80_000 + "hápax"], "word")
    assert tokenizer.encode("hápax") == [tokenizer.unk_token_id]
    assert "hápax" in learn(["palavra comum hápax"], "word").get_vocab()

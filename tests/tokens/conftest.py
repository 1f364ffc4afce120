"""Small Portuguese texts, and tokenizers learned from them once."""

import pytest

from prosa.tokens.learn import learn

ALGORITHMS = ("char", "word", "whitespace", "bpe", "unigram", "wordpiece")

TEXTS = [
    "A Júlia perdeu o guarda-chuva azul. “Onde está?”, perguntou ela ao avô.",
    "O avô disse-lhe: «Procura no jardim, perto da figueira!»\n\nEla procurou, e nada.",
    "Choveu três dias; o cão, que não gostava d'água, dormia (quase sempre) no sofá.",
    "No quarto dia o sol voltou — e o guarda-chuva apareceu atrás da porta...",
    "Custou R$ 12,50 em 1998, lembrou-se o avô. A Júlia riu-se: que sorte!",
]

QUESTIONS = [
    ("O que é um token?", "Um token é um pedaço de texto: uma palavra ou parte dela."),
    ("Para que serve a atenção?", "Ela diz ao modelo para onde olhar.\nÉ uma média com pesos."),
    ("Quem perdeu o guarda-chuva?", "A Júlia perdeu-o; estava atrás da porta."),
]


@pytest.fixture(scope="session")
def tokenizers():
    """A tokenizer of each kind, learned from `TEXTS`."""
    return {name: learn(TEXTS, name) for name in ALGORITHMS}


@pytest.fixture(scope="session")
def chat_tokenizers():
    """The same with turns, learned from `QUESTIONS` too."""
    said = [text for pair in QUESTIONS for text in pair]
    return {name: learn(TEXTS + said, name, conversation=True) for name in ALGORITHMS}

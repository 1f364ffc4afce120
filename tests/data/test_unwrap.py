"""Wrapped prose is joined; whatever has its lines on purpose keeps them."""

import textwrap

import pytest

from prosa.data.unwrap import unwrap

PARAGRAPHS = [
    "A velha máquina de costura de dona Odete ficava junto à janela, e era ali que ela passava as "
    "tardes, remendando as camisas dos netos e ouvindo o rádio que o marido lhe dera no último "
    "aniversário que festejaram juntos. Quando chovia, ela parava o pedal, afastava a cortina e "
    "contava em voz baixa os segundos entre o relâmpago e o trovão.",
    "Naquele ano a chuva veio cedo. O rio subiu até a segunda rua, depois até a terceira, e os "
    "barcos que antes dormiam na areia passaram a amarrar-se nos postes da praça. Ninguém se "
    "queixava muito: os peixes vinham até a porta e as crianças não tinham aula.",
    "O carteiro, que nunca faltara um dia, apareceu de canoa. Trazia uma só carta, sem selo, "
    "endereçada à menina da casa amarela, com a letra miúda de quem escreve à luz de vela e não "
    "quer que ninguém mais leia.",
]
VERSE = """Canta o galo na ladeira,
Vem a lua devagar,
Cada estrela é uma fogueira
Que se esquece de apagar.

Pela rua vai o vento,
Vai batendo de portão,
E carrega o meu lamento
Para dentro do sertão."""
PLAY = """DONA ODETE:
Quem bate a estas horas na janela
Se a noite é de chuva e o rio subiu?
Será o carteiro na sua canoa,
Ou o vento que nunca dormiu?

CARTEIRO:
Sou eu, senhora, e trago uma carta
Que veio molhada de tanto vagar;
Não tem remetente, não tem um só selo,
E custa um sorriso para entregar."""
CODE = """def somar(valores):
    total = 0
    for valor in valores:
        total += valor  # a soma cresce a cada volta do laço
    return total

print(somar([1, 2, 3]))"""
MARKDOWN = """# Como usar

Este texto explica, numa linha só e bem comprida, como se usa a ferramenta que ninguém ainda viu.

- primeiro item da lista, que é comprido o bastante para encher uma linha quase inteira
- segundo item, também comprido, porque assim a lista se parece com um texto quebrado
* terceiro

| coluna | outra |
|--------|-------|
| a      | b     |

1. abrir
2. fechar"""
SPEECH = """— Bom dia!
— Bom dia, dona Odete. A senhora viu o meu gato?
— Vi, sim; está no telhado.
— De novo?
— De novo."""


def wrapped(paragraphs, width, gap):
    return gap.join(textwrap.fill(text, width) for text in paragraphs)


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_paragraphs_apart_by_blank_lines(width):
    assert unwrap(wrapped(PARAGRAPHS, width, "\n\n")) == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize("width", [64, 72, 78])
def test_paragraphs_without_blank_lines(width):
    assert unwrap(wrapped(PARAGRAPHS, width, "\n")) == "\n".join(PARAGRAPHS)


def test_a_blank_line_behind_every_line():
    text = wrapped(PARAGRAPHS, 72, "\n").replace("\n", "\n\n")
    assert unwrap(text) == "\n\n".join(PARAGRAPHS)


def test_a_few_lines_are_enough():
    assert unwrap(textwrap.fill(PARAGRAPHS[2], 72)) == PARAGRAPHS[2]


@pytest.mark.parametrize("text", [VERSE, PLAY, CODE, MARKDOWN, SPEECH, *PARAGRAPHS, "um\ndois", ""])
def test_lines_on_purpose_stay(text):
    assert unwrap(text) == text
    assert unwrap(f"{text}\n\n{text}") == f"{text}\n\n{text}"


@pytest.mark.parametrize("part", [VERSE, SPEECH, "- um item\n- outro item", "| a | b |\n| c | d |"])
def test_lines_on_purpose_stay_amid_wrapped_prose(part):
    text = wrapped([*PARAGRAPHS, "@", *PARAGRAPHS], 72, "\n\n").replace("@", part)
    assert unwrap(text) == "\n\n".join([*PARAGRAPHS, part, *PARAGRAPHS])


def test_speech_begins_a_line_and_goes_on():
    speech = "— " + PARAGRAPHS[0]
    text = "\n".join(textwrap.fill(one, 70) for one in [PARAGRAPHS[1], speech, "— Sei."])
    assert unwrap(text) == "\n".join([PARAGRAPHS[1], speech, "— Sei."])


def test_wrapped_parts_of_a_text_that_is_not_wrapped():
    loose = ["O Sr. Presidente: — " + " ".join(PARAGRAPHS), "Aplausos."] * 3
    text = "\n".join([*loose, wrapped(PARAGRAPHS, 90, "\n"), *loose])
    assert unwrap(text) == "\n".join([*loose, *PARAGRAPHS, *loose])


def test_divided_words_are_made_whole_where_the_text_shows_that_they_are():
    text = (
        "A janela da casa ficava sempre aberta, e quem passava pela rua via a ja-\n"
        "nela e dentro dela o gato, que dormia a tarde inteira e à noite levanta-\n"
        "va-se sem pressa. O guarda-chuva, molhado, secava ao lado, e um guarda-\n"
        "chuva seco era coisa rara. A dona da casa levantava cedo e deixou-\n"
        "lhe um prato de leite ao pé da porta, para o caso de ele ter fome."
    )
    joined = unwrap(text)
    assert "a janela e dentro" in joined
    assert "guarda-chuva seco" in joined
    assert "levantava-se" in joined
    assert "deixou-lhe" in joined
    assert "\n" not in joined

"""The classic steps, one by one and together."""

import pytest

from prosa.data.classic import STEPS, checked, language, pipeline
from prosa.errors import InputError

TEXT = "Os gatos não correram, às 3h, por 1.500 ruas — “é verdade”!"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("lower", "os gatos não correram, às 3h, por 1.500 ruas — “é verdade”!"),
        ("punctuation", "Os gatos não correram às 3h por 1500 ruas é verdade"),
        ("ascii", "Os gatos nao correram, as 3h, por 1.500 ruas e verdade!"),
        ("numbers", "Os gatos não correram, às h, por ruas — “é verdade”!"),
        ("stopwords", "gatos correram, 3h, 1.500 ruas — “ verdade”!"),
        ("stemming", "Os gat nã corr, às 3h, por 1.500 ruas — “é verdad”!"),
        pytest.param(
            "lemmas",
            "o gato não correr, ao 3h, por 1.500 rua — “ser verdade”!",
            marks=pytest.mark.slow,  # the dictionary takes two seconds to load
        ),
        ("lower,punctuation,ascii", "os gatos nao correram as 3h por 1500 ruas e verdade"),
        ("ascii,punctuation,lower", "os gatos nao correram as 3h por 1500 ruas e verdade"),
        ("lower,stopwords,stemming,punctuation", "gat corr 3h 1500 ruas verdad"),
    ],
)
def test_steps(steps, expected):
    assert pipeline(steps.split(","))(TEXT) == expected


def test_every_step_is_one_that_text_survives():
    for name, step in STEPS.items():
        if name == "lemmas":
            continue
        assert step("") == "", name
        assert step("guarda-chuva\nnão").count("\n") == 1, name


def test_whitespace_and_lines():
    assert pipeline(["whitespace"])("  um \t dois\n\n\n três  ") == "um dois\ntrês"
    assert pipeline(["punctuation"])("um — dois\n\n“três”") == "um dois\n\ntrês"
    assert pipeline([])("  como está ") == "  como está "


def test_folding_keeps_what_letters_can_say():
    assert (
        STEPS["ascii"]("Ærø, œuvre, straße, Łódź, ½, 日本") == "AEro, oeuvre, strasse, Lodz, 12, "
    )


def test_english_is_stemmed_as_english():
    assert pipeline(["stemming"])("The cities were running with the horses") == (
        "The citi were run with the hors"
    )


def test_language():
    assert language("O rato roeu a roupa do rei de Roma") == "pt"
    assert language("The king of Rome was in the tower") == "en"
    assert language("Xyz 123") == ""


def test_an_unknown_step_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"'lematizar'.*lower, numbers, stopwords"):
        checked(["lower", "lematizar"])

"""Pictures are whole SVG at both widths, whatever is in them."""

from xml.etree import ElementTree as ET

import pytest
from tests.explanation.test_pictures import OWN, subject_of
from tests.models.conftest import SENTENCES, character_tokenizer, small_model

from prosa.explanation import page, svg
from prosa.explanation.picture import NARROW, WIDE
from prosa.explanation.pictures import look
from prosa.explanation.subject import Subject, label
from prosa.tokens.learn import learn

NASTY = "<b>&\"' \x00\x1b[31m 漢字 😀 </s> </svg><script>alert(1)</script> \u202e\n\tfim"
KINDS = [*OWN, "encoder"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [None, NASTY])
def test_every_picture_is_whole_and_as_wide_as_asked(kind, text):
    if kind == "encoder" and text:
        text += " [MASK]"
    for picture in look(subject_of(kind, text)):
        for width in (NARROW, WIDE):
            drawn = picture.svg(width)
            root = ET.fromstring(drawn)
            assert root.get("aria-label") == picture.title
            wide = float(root.get("width"))
            few = len(picture.figures.get("columns", picture.figures.get("tokens", []))) < 12
            assert wide == width if few else wide >= width
            assert "<script" not in drawn
            assert "href" not in drawn
            for part in root.iter():
                assert part.tag.split("}")[1] in ("svg", "g", "text", "rect", "path")


def test_what_is_far_away_is_no_place_and_no_number():
    for kind in KINDS:
        for picture in look(subject_of(kind)):
            assert "nan" not in picture.svg(WIDE)
            assert "inf" not in picture.svg(WIDE).replace("info", "")


def test_a_page_shows_texts_as_texts():
    subject = subject_of("ngram", "<b>oi</b>")
    whole = page.html("<i>modelo</i>", "<b>oi</b>", look(subject))
    assert "<b>" not in whole
    assert "<i>" not in whole
    assert "&lt;b&gt;oi&lt;/b&gt;" in whole
    assert "http" not in whole.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_light_for_good_leaves_no_variable():
    for picture in look(subject_of("decoder")):
        assert "var(" in picture.svg(WIDE)
        assert "var(" not in svg.still(picture.svg(WIDE))


def test_a_png_is_one():
    resvg = pytest.importorskip("resvg_py")
    [picture, *_] = look(subject_of("ngram", NASTY))
    assert page.png(picture, resvg).startswith(b"\x89PNG\r\n")


def test_parts_of_a_letter_are_shown_as_bytes():
    tokenizer = learn(SENTENCES, "bpe", 265)
    ids = tokenizer("é o")["input_ids"]
    assert [label(tokenizer, i) for i in ids] == ["(c3)", "(a9)", "␣", "o"]


def test_special_tokens_have_names():
    tokenizer = character_tokenizer()
    assert [label(tokenizer, i) for i in range(4)] == ["<pad>", "(unknown)", "(start)", "(end)"]


def test_a_lone_surrogate_is_no_fault():
    trained = small_model("ngram", character_tokenizer())
    subject = Subject(trained.model, trained.tokenizer, "A \udcff coruja")
    assert "?" in subject.text
    page.html("\udcff", subject.text, look(subject)).encode()

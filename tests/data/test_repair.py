r"""Repair brings broken text back and leaves sound text alone."""

import re

import ftfy
import pytest

from prosa.data.repair import Repair, repair

SOUND = [
    "São Paulo não é só avenida: à tarde, a manhã já vai longe.",
    "“Você já foi à Bahia?”, perguntou o avô. ‘Não’, disse ela… — Então vá!",  # noqa: RUF001
    "NÃO À TOA: AÇÃO, CORAÇÃO, PÃO E IRMÃ.",
    "“ATÉ AMANH\u00c3”, gritou. «MANH\u00c3» e “F\u00c3”.",
    "Custa 10 € ou R$ 5,50; a 1.ª e o 2.º; 25 °C; § 3º; ½ xícara.",
    "Emojis 😀 👍🏽 ficam, e setas → também.",
    "L’été, ça va être naïf; über, señor, Ærø.",
    'for linha in texto.split("\\n"):\n    print(linha, end="\\n")',
    "Salve em C:\\novo\\nomes.txt e depois abra ()\\nome().",
    "Uma linha\n\nOutra linha\n\n\nE outra",
    "    recuo = 1\n    if recuo:   # comentário ao lado",
    "| a   | b   |\n|-----|-----|\n| 1   | 2   |",
]


@pytest.mark.parametrize("text", SOUND)
def test_sound_text_passes_unchanged(text):
    assert repair(text)[0] == text.strip()
    assert not repair(text)[1] & ~Repair.SPACES


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac_roman", "cp437", "cp1250"])
@pytest.mark.parametrize("text", [SOUND[0], "Ação e reação 😀", "É só “isso”… — disse o avô à mãe"])
def test_the_quick_look_misses_no_mojibake(text, encoding):
    try:
        broken = text.encode().decode(encoding)
    except UnicodeDecodeError:
        pytest.skip("this text cannot break in this way")
    for whole in (broken, f"À frente, texto são. {broken}", f"Linha sã: coração.\n{broken}"):
        expected = re.sub(
            "[ \xa0]+", " ", ftfy.fix_text(whole, unescape_html=False, uncurl_quotes=False)
        ).strip()
        assert repair(whole)[0] == expected


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("a personÃ¢â‚¬â„¢s mind", "a person’s mind"),  # noqa: RUF001
        ("he wouldnâ€™t", "he wouldn’t"),
        ("â€œaspasâ€\uf19d e â€œmaisâ€\x9d", "“aspas” e “mais”"),
        ("um travessÃ£o â€” aqui", "um travessão — aqui"),
        ("\x93aspas\x94 \x96 d\x92el-rei", "“aspas” – d’el-rei"),
        ("A educaÃ§Ã£o estÃ¡ Ã  mÃ£o", "A educação está à mão"),
        ("o\ufb01cina \ufb02or", "oficina flor"),
    ],
)
def test_known_breakage(broken, mended):
    assert repair(broken) == (mended, Repair.MOJIBAKE)


def test_a_long_line_is_mended_throughout():
    line = "palavra de enchimento, não é? " * 900 + "a cançÃ£o " + "depois, ação. " * 900
    assert "a canção depois" in repair(line)[0]
    assert len(repair(line)[0]) == len(line.strip()) - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&quot;Ol&aacute;&quot;, disse &amp; saiu&#33;", '"Olá", disse & saiu!'),
        ("caf&amp;eacute;", "café"),
        ("tom & jerry; pão&vinho", "tom & jerry; pão&vinho"),
        ("<p>a &amp; b</p>", "<p>a &amp; b</p>"),
    ],
)
def test_entities(text, expected):
    assert repair(text)[0] == expected


def test_written_line_breaks_become_real_between_sentences_only():
    text = "Não pare.\\nFale com o médico.\\n\\nDepois, \\nada."
    assert repair(text) == (
        "Não pare.\nFale com o médico.\n\nDepois, \\nada.",
        Repair.LINE_BREAKS,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\xa0b\u2009c", "a b c"),
        ("co\u00adra\u200bção\ufeff", "coração"),
        ("um\r\ndois\rtrês\u2028quatro", "um\ndois\ntrês\nquatro"),
        ("um  dois   três ", "um dois três"),
        ("fim \t\ncomeço", "fim\ncomeço"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("cafe\u0301", "café"),
        ("\ufeff  texto\x00\x07", "texto"),
        (" \n\t ", ""),
    ],
)
def test_white_space(text, expected):
    assert repair(text)[0] == expected


def test_a_terminal_escape_goes_whole():
    text = "\x1b[1;31mPare\x1b[0m e \x1b]8;;http://x\x07leia\x1b]8;;\x07.\x1b"
    assert repair(text)[0] == "Pare e leia."


@pytest.mark.parametrize("start", ["\x1bP", "\x1b]", "\x1b]0;", "\x1b^", "\x1b_"])
def test_an_escape_that_never_ends_takes_nothing_with_it(start):
    text = f"Antes. {start}um título\nDepois, tudo o mais.\n\nE o fim."
    assert repair(text)[0].endswith("um título\nDepois, tudo o mais.\n\nE o fim.")
    assert repair(text)[0].startswith("Antes.")
    later = f"{start}um\nDois três.\x07 Quatro."
    assert repair(later)[0].endswith("um\nDois três. Quatro.")


def test_marks_that_pile_up_are_kept_and_composed_around():
    pile = "e\u0323\u0301" + "\u0301\u0323" * 500
    text = f"cafe\u0301 {pile} cafe\u0301"
    mended = repair(text)[0]
    assert mended.startswith("café ")
    assert mended.endswith(" café")
    assert mended.count("\u0323") + mended.count("ẹ") == 501
    assert repair(mended)[0] == mended


def test_repair_is_done_once():
    for text in [*SOUND, "a\xa0 b\r\n", "â€œaspasâ€\uf19d", "&amp;quot;x&amp;quot;"]:
        once = repair(text)[0]
        assert repair(once) == (once, Repair.NONE)

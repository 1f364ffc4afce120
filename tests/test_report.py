"""The page of a comparison: whole, safe, readable in both languages and in both colours."""

import itertools
import re
from html.parser import HTMLParser

import pytest

from prosa import i18n, report

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> & </td>"


def model(name, bits=2.0, **other):
    figures = {
        "family": "gru",
        "task": "causal",
        "parameters": 123456,
        "bits_per_byte": bits,
        "perplexity": 1234.5,
        "accuracy": 0.4567,
        "tokens_per_second": 5200.0,
        "first_token_seconds": 0.0421,
        "train_seconds": 61.0,
        "memory_bytes": 5_300_000,
        "disk_bytes": 3_600_000_000,
        "comparable": True,
        "why": None,
        "probes": {"agreement": 0.5},
        "curve": [{"seconds": s, "step": s, "bits_per_byte": 8 / s + 1} for s in (1, 2, 4, 8)],
    }
    return {"name": name, **figures, **other}


def comparison(*models, **other):
    answers = {model["name"]: f"answer of {model['name']}" for model in models}
    return {
        "models": list(models),
        "prompts": [{"prompt": "Era uma vez", "answers": answers}],
        "data": {"name": "historias", "part": "test", "documents": 1234, "bytes": 612_345},
        "notes": ["A note."],
        **other,
    }


class Page(HTMLParser):
    """What a browser sees: tags with their attributes, and the text of each cell or label."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append((tag, dict(attributes)))

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if data.strip():
            self.text.append((*self.open[-1], data.strip()))

    def texts(self, tag):
        return [text for found, _attributes, text in self.text if found == tag]


def page(*models, **other):
    return Page(report.render(comparison(*models, **other)))


def test_the_best_comes_first_and_what_cannot_be_compared_says_why():
    apart = model("cloze", 0.5, comparable=False, why="It sees both sides.")
    shown = page(model("worse", 2.5), apart, model("better", 1.5))
    assert "The best is better, with 1.50 bits per byte." in shown.texts("p")
    names = shown.texts("bdi")
    assert names[:3] == ["better", "worse", "cloze"]
    cells = shown.texts("td")
    assert cells[0] == "★ 1.500"
    assert "It sees both sides." in cells
    assert "cloze" not in [label.split("…")[0] for label in shown.texts("text")]
    assert not shown.open, "a tag is left open"


def test_nothing_that_people_or_models_wrote_is_markup():
    names = {"name": HOSTILE, "part": HOSTILE, "documents": 1, "bytes": 1}
    shown = page(
        model(HOSTILE, family=HOSTILE, probes={HOSTILE: 0.5}),
        model("apart", comparable=False, why=HOSTILE),
        model("other"),
        prompts=[{"prompt": HOSTILE, "answers": {HOSTILE: HOSTILE}}],
        data=names,
        notes=[HOSTILE],
    )
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _found in shown.tags}
    assert not [name for _tag, found in shown.tags for name in found if name.startswith("on")]
    assert all(HOSTILE in shown.texts(tag) for tag in ("td", "h3", "p", "li", "bdi", "small"))


def test_it_needs_no_network():
    html = report.render(comparison(model("a"), model("b")))
    assert not re.search(r"https?:|url\(|@import|\bsrc=|\bhref=", html)
    assert "default-src 'none'" in html


def test_portuguese_has_its_language_and_its_decimal_comma():
    i18n.use("pt_BR")
    html = report.render(comparison(model("a", 1.234), model("b", 2.0)))
    assert '<html lang="pt-BR">' in html
    for figure in ("1,234<", "1.234,50", "45,7 %", "123.456", "61 s", "42 ms", "5,3 MB", "3,6 GB"):
        assert figure in html, figure
    i18n.use("en")
    assert '<html lang="en">' in report.render(comparison(model("a")))


_NAMES = "parameters bits_per_byte perplexity accuracy tokens_per_second first_token_seconds"
FIGURES = (*_NAMES.split(), "train_seconds", "memory_bytes", "disk_bytes")


@pytest.mark.parametrize("value", [None, float("inf"), float("nan"), 0])
def test_any_figure_may_be_missing(value):
    lacking = dict.fromkeys(FIGURES, value)
    shown = page(model("lacking", **lacking, probes=None, curve=None), model("whole"))
    assert shown.texts("td").count("–") == (0 if value == 0 else 9)
    figures = [tag for tag, _found in shown.tags if tag == "figure"]
    assert len(figures) == 2, "the other's curve, narrow and wide"


def test_one_model_alone_has_its_curve_and_no_rank():
    shown = page(model("alone"))
    assert {found["class"].split()[0] for tag, found in shown.tags if tag == "figure"} == {"curves"}
    assert not [text for text in shown.texts("td") if "★" in text]


def boxes(shown):
    """Where the names of each chart stand, as wide as in a wide font."""
    charts, found = [], iter(shown.text)
    for tag, attributes, text in found:
        if tag == "title" and "id" in attributes:
            charts.append([])
        if attributes.get("class") == "label":
            x, y, width = float(attributes["x"]), float(attributes["y"]), 7.5 * len(text)
            left = x if attributes["text-anchor"] == "start" else x - width
            charts[-1].append((left, y - 7, left + width, y + 7))
    return charts


@pytest.mark.parametrize("spread", [0, 0.01, 0.2])
def test_names_in_charts_never_cover_each_other(spread):
    models = [model(f"runs/as-historias-da-avo-{k}", 2 + spread * k) for k in range(20)]
    for model_, k in zip(models, range(20), strict=True):
        curve = [{"seconds": s, "bits_per_byte": 2 + spread * k + 1 / s} for s in (1, 9, 60)]
        model_.update(parameters=10000 + int(9e5 * spread * k), curve=curve)
    charts = boxes(page(*models))
    assert [len(chart) for chart in charts][2:] == [19, 19]
    for chart in charts:
        assert len(chart) >= 8
        for k, (left, top, right, bottom) in enumerate(chart):
            assert left > 0
            assert top > -1
            assert right < (992 if chart is charts[-1] else 440)
            for left2, top2, right2, bottom2 in chart[:k]:
                assert not (left < right2 and left2 < right and top < bottom2 and top2 < bottom)


@pytest.mark.parametrize("span", [(0.002, 90), (30, 700), (50, 55), (1, 90_000), (1000, 9000)])
def test_ticks_never_touch(span):
    curve = [{"seconds": seconds, "bits_per_byte": 2.0} for seconds in span]
    big = 10_000 * span[1] / span[0]
    models = [model("a", parameters=10_000, curve=curve), model("b", parameters=big, curve=curve)]
    ticks = [
        (float(attributes["x"]), float(attributes["y"]), text)
        for tag, attributes, text in page(*models).text
        if tag == "text" and attributes["class"] == "axis" and attributes["y"] == "323"
    ]
    assert len(ticks) >= 4
    for (left, _y, one), (right, _y2, two) in itertools.pairwise(ticks):
        assert right < left or right - left > 7.5 * (len(one) + len(two)) / 2, (one, two)


def test_pictures_and_tables_can_be_read_aloud():
    shown = page(model("a", 1.5), model("b"), model("c", comparable=False, why="Apart."))
    ids = [found["id"] for _tag, found in shown.tags if "id" in found]
    assert len(ids) == len(set(ids))
    pictures = [found for tag, found in shown.tags if found.get("role") == "img"]
    assert len(pictures) == 4
    assert all(set(found["aria-labelledby"].split()) <= set(ids) for found in pictures)
    assert {found.get("scope") for tag, found in shown.tags if tag == "th"} == {"row", "col"}
    assert "a: 1.50 bits per byte, 123,456 parameters; b: 2.00" in shown.texts("desc")[0]


def luminance(colour):
    if len(colour) == 4:
        colour = "#" + "".join(2 * sign for sign in colour[1:])
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_colours_have_contrast_in_light_and_dark():
    html = report.render(comparison(model("a")))
    themes = [dict(re.findall(r"--(\w+): (#\w+)", part)) for part in html.split(":root")[1:]]
    assert len(themes) == 2
    for theme in themes:
        for name in ("ink", "soft", "accent", *(f"c{k}" for k in range(8))):
            for ground in ("paper", "raised") if name in ("ink", "soft") else ("paper",):
                low, high = sorted((luminance(theme[name]), luminance(theme[ground])))
                # WCAG 2: 4.5 for text, 3 for what is drawn.
                wanted = 3 if name.startswith("c") else 4.5
                assert (high + 0.05) / (low + 0.05) >= wanted, (name, ground)


def test_a_name_that_is_no_text_can_be_written():
    report.render(comparison(model("pasta-\udce9"))).encode("utf-8")

"""The tab Understand: what happens inside a model, and going on from it word by word."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from prosa.errors import InputError
from prosa.explanation import svg
from prosa.explanation.attention import with_head
from prosa.explanation.picture import Picture
from prosa.explanation.pictures import look
from prosa.explanation.subject import Subject
from prosa.explanation.words import SHOWN, percent
from prosa.generation.batch import end_ids
from prosa.i18n import _
from prosa.search.stores import is_index
from prosa.server.studio.house import House, text


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    gr.HTML(f"<style>{svg.rules(dark='.dark')}</style>", padding=False)
    model = gr.Dropdown([], label=_("Model"))
    sentence = gr.Textbox(label=_("Sentence"), max_lines=4)
    hint = _("In place of a word, [MASK] asks a model of the family encoder what fits.")
    gr.HTML(text(hint), padding=False)
    show = gr.Button(_("Look inside"), variant="primary")
    looked = gr.State(None)
    first = gr.HTML(padding=False)
    with gr.Row(visible=False) as row:
        buttons = [gr.Button(visible=False, size="sm", min_width=100) for _n in range(SHOWN)]
    head = gr.Dropdown([], label=_("The head of attention that is large"), visible=False)
    rest = gr.HTML(padding=False)
    blocks = gr.context.Context.root_block
    assert blocks is not None

    for event in (blocks.load, house.tabs.change, house.model.change):
        names = partial(_names, house)
        house.when(event, names, [house.model, model], [model], show_progress="hidden")
    shown = [looked, first, row, *buttons, head, rest]
    for event in (show.click, sentence.submit):
        house.when(event, partial(_begin, house), [model, sentence], shown)
    house.when(head.input, partial(_shown, house), [looked, head], shown)
    for place, button in enumerate(buttons):
        house.when(button.click, partial(_go_on, house, place), [looked, head], shown)


@dataclass(frozen=True)
class _Looked:
    """What is on the page: of which model, the sentence, what was chosen, what may be chosen."""

    model: str
    sentence: str
    begun: tuple[int, ...] = ()
    choices: tuple[int, ...] = ()


def _names(house: House, followed: str | None, chosen: str | None) -> Any:
    names = [name for name in house.engines.names() if not is_index(house.root / name)]
    wanted = (name for name in (chosen, followed, *names[:1]) if name in names)
    return gr.Dropdown(names, value=next(wanted, None))


def _begin(house: House, name: str | None, sentence: str) -> list[Any]:
    if not name:
        raise InputError(_("Choose a model"), hint=_("Models are made in the tab Train"))
    return _shown(house, _Looked(name, sentence), None)


def _go_on(house: House, place: int, looked: _Looked, head: str | None) -> list[Any]:
    chosen = (*looked.begun, looked.choices[place])
    return _shown(house, replace(looked, begun=chosen), head)


def _shown(house: House, looked: _Looked, head: str | None) -> list[Any]:
    """A value for each of `shown` in `build`."""
    model = house.engines.get(looked.model).model
    if model is None:
        raise InputError(_("An index has no model inside"), expected=_("a model"))
    subject = Subject(model.network, model.tokenizer, looked.sentence, looked.begun)
    pictures = look(subject)
    if head:
        layer, number = map(int, head.split("."))
        pictures = [with_head(picture, layer, number) for picture in pictures]
    words = next((one for one in pictures if one.name in ("next-word", "labels")), None)
    ended = not end_ids(subject.model).isdisjoint(subject.begun)
    candidates = words.figures.get("candidates", []) if words and not ended else []
    labels = [f"{one['token']} · {percent(one['probability'])}" for one in candidates]
    more = [gr.Button(visible=False)] * (SHOWN - len(labels))
    said = _("So far: {text}").format(text=subject.so_far) if looked.begun else ""
    said = text(said, "blockquote", **{"aria-live": "polite"})
    asks = text(_("Choose a word to go on with:")) if candidates else ""
    heads = sorted({at for one in pictures for at in _heads(one)})
    large = next((one.figures["shown"] for one in pictures if _heads(one)), None)
    known = [(f"{layer} · {number}", f"{layer}.{number}") for layer, number in heads]
    return [
        replace(looked, choices=tuple(one["id"] for one in candidates)),
        said + (_section(words) if words else "") + asks,
        gr.Row(visible=bool(candidates)),
        *(gr.Button(label, visible=True) for label in labels),
        *more,
        gr.Dropdown(
            known, value=large and "{layer}.{head}".format(**large), visible=len(known) > 1
        ),
        "".join(_section(one) for one in pictures if one is not words),
    ]


def _heads(picture: Picture) -> list[tuple[int, int]]:
    layers = enumerate(picture.figures.get("layers", []), start=1)
    return [(layer, head) for layer, heads in layers for head in range(1, len(heads) + 1)]


def _section(picture: Picture) -> str:
    return text(picture.title, "h2") + text(picture.explanation) + picture.figure()

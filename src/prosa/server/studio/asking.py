"""The tab Ask: documents that are dropped in, answers that cite them, and what they do not hold."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from prosa.answering.answerer import Answer
from prosa.errors import InputError
from prosa.i18n import _, ngettext, number
from prosa.search.changes import IndexReport
from prosa.server.collection import Collection, collections, free_name
from prosa.server.studio.cited import cited
from prosa.server.studio.house import House, text
from prosa.server.studio.talk import LONGEST

_BAR = gr.Progress()

SHOWN = 200
"""Documents that are listed."""


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    with gr.Row():
        place = gr.Dropdown(label=_("Documents"), min_width=280)
        kinds = "pdf, docx, html, txt, md, csv, json"
        files = gr.File(label=kinds, file_count="multiple", height=140, min_width=280, scale=2)
    state = gr.HTML()
    question = gr.Textbox(label=_("Question"), submit_btn=_("Ask"), max_lines=4)
    answer = gr.HTML(elem_classes="answer")
    with gr.Accordion(open=False) as fold:
        asked = gr.Radio(label=_("Choose a question"), elem_classes="tall")
        own = gr.Textbox(label=_("Your answer"), lines=2, max_lines=10)
        with gr.Row():
            keep = gr.Button(_("Keep the answer"), variant="primary")
            drop = gr.Button(_("Take the question off the list"))
    with gr.Accordion(_("Take documents out"), open=False):
        gone = gr.CheckboxGroup(label=_("Documents"), elem_classes="tall")
        remove = gr.Button(_("Take these out"))

    shown, open_questions = [state, gone], [asked, fold]
    whole = [place, *shown, *open_questions]
    house.when(files.upload, partial(_add, house), [place, files], [files, *whole])
    house.when(question.submit, partial(_ask, house), [place, question], [answer, *open_questions])
    house.when(keep.click, partial(_fill_in, house), [place, asked, own], [own, answer, *whole])
    house.when(drop.click, partial(_dismiss, house), [place, asked], open_questions)
    house.when(remove.click, partial(_remove, house), [place, gone], whole)
    tab: Any = gr.context.Context.block
    root: Any = gr.context.Context.root_block
    for event in (place.input, tab.select, root.load):
        house.when(event, partial(_whole, house), [place], whole)


def _whole(house: House, name: str | None, report: IndexReport | None = None) -> list[Any]:
    """All that is shown of a collection; without one that is there, of the first."""
    names = collections(house.indexes)
    if name not in names and name != "":
        name = next(iter(names), "")
    choices: list[Any] = [*names, (_("New: from what I drop"), "")]
    if not name:
        empty = text(_("Nothing to ask yet. What you drop stays on this computer."))
        none = gr.CheckboxGroup(choices=[], value=[])
        return [gr.Dropdown(choices=choices, value=""), empty, none, *_open_questions({})]
    collection = Collection(house.indexes, name)
    known = collection.documents()
    return [
        gr.Dropdown(choices=choices, value=name),
        _state(known, report),
        gr.CheckboxGroup(choices=list(known), value=[]),
        *_open_questions(collection.unanswered()),
    ]


def _state(known: dict[str, int], report: IndexReport | None) -> str:
    """The documents with their passages, and first those that were not read, with the reason."""
    skipped = report.skipped.items() if report else ()
    rows = [
        text(name, "th", scope="row")
        + text(_("not read: {why}").format(why=why.removeprefix(f"{name}: ")), "td")
        for name, why in skipped
    ]
    rows += [
        text(name, "th", scope="row")
        + text(ngettext("{n} passage", "{n} passages", n).format(n=n), "td")
        for name, n in list(known.items())[:SHOWN]
    ]
    if len(known) > SHOWN:
        more = _("… and {n} more").format(n=len(known) - SHOWN)
        rows.append(text(more, "th", scope="row") + "<td></td>")
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<div class='wide'><table>{table}</table></div>"


def _open_questions(asked: dict[str, int], *, unfold: bool = False) -> list[Any]:
    """The list of what was not answered; unfolded, the latest question is chosen."""
    label = _("Not answered yet: {n}").format(n=len(asked))
    times = [
        (question if n < 2 else f"{question} ({n}×)", question) for question, n in asked.items()
    ]
    if not unfold:
        return [gr.Radio(choices=times, value=None), gr.Accordion(label=label)]
    return [gr.Radio(choices=times, value=next(iter(asked))), gr.Accordion(label=label, open=True)]


def _add(
    house: House, name: str, files: Sequence[str], bar: gr.Progress = _BAR
) -> Iterator[list[Any]]:
    def tell(name: str, done: int, total: int) -> None:
        said = _("Reading {n} of {total}: {name}").format(n=done + 1, total=total, name=name)
        bar((done, total), said if name else _("Encoding the meaning of passages"))

    uploads = [(Path(file).name, Path(file)) for file in files]
    yield [None, *[gr.skip()] * 5]  # whatever comes of them, more may be dropped
    wanted = name or free_name(house.indexes, Path(uploads[0][0]).stem)
    try:
        report = Collection(house.indexes, wanted).add(uploads, tell)
    finally:
        for _name, path in uploads:
            path.unlink(missing_ok=True)
    yield [gr.skip(), *_whole(house, wanted, report)]


def _remove(house: House, name: str, gone: list[str]) -> list[Any]:
    if name and gone:
        Collection(house.indexes, name).remove(gone)
    return _whole(house, name)


def _ask(house: House, name: str, question: str) -> list[Any]:
    if not name:
        raise InputError(_("There are no documents yet"), hint=_("Drop some above"))
    if len(question) > LONGEST:
        raise InputError(
            _("The message has {n} characters").format(n=number(len(question), 0)),
            expected=_("{n} at most").format(n=number(LONGEST, 0)),
        )
    collection = Collection(house.indexes, name)
    answer = next(house.engines.get(name).ask([{"role": "user", "content": question}]))
    collection.note(answer)
    waiting = collection.unanswered()
    return [_answered(answer), *_open_questions(waiting, unfold=answer.abstained)]


def _answered(answer: Answer) -> str:
    said = [text(answer.answer), *(text(remark, "small") for remark in answer.remarks)]
    if answer.abstained:
        said.append(text(_("The question is on the list below: answer it if you can.")))
    if answer.citations:
        said.append(text(_("Nearest passages:") if answer.abstained else _("Sources:"), "h3"))
    return f"<div role='status'>{''.join(said)}{cited(answer.citations, answer.answer)}</div>"


def _fill_in(house: House, name: str, question: str | None, own: str) -> list[Any]:
    if not name or not question:
        raise InputError(
            _("No question is chosen"), expected=_("one of those that were not answered")
        )
    Collection(house.indexes, name).fill_in(question, own)
    done = text(_("Kept. This question is answered from now on."), role="status")
    return ["", done, *_whole(house, name)]


def _dismiss(house: House, name: str, question: str | None) -> list[Any]:
    if not name:
        return _open_questions({})
    collection = Collection(house.indexes, name)
    collection.dismiss(question or "")
    return _open_questions(collection.unanswered())

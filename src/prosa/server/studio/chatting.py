"""The tab Chat: any model or index on the disk, and the conversations that are kept.

What is said is text, never HTML. Gradio's Chatbot shows a message as HTML, and copies and edits it
as it was sent: messages are escaped here, and `_EXACT` undoes that for what is copied or edited.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from prosa.chat import CHAT_DECODING
from prosa.errors import InputError
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.server.collection import Collection, opened
from prosa.server.conversations import Conversation, Conversations, Message
from prosa.server.studio.cited import cited, exact
from prosa.server.studio.house import House

LONGEST = 20_000
"""Characters of what is said at once."""

LISTED = 50
"""Conversations that a list shows; more are found by searching."""

_AGAIN = 0.8
"""The least temperature of a second try: the likeliest reply would be the same once more."""

_EVERY = 0.1  # seconds between two pictures of a reply that is being written

_EXACT = """() => {
  if (window.prosaExact) return;
  window.prosaExact = true;
  const text = html =>
    html.replace(/<.?summary>/g, '\\n').replace(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  const chat = '.conversation';
  const write = navigator.clipboard?.writeText.bind(navigator.clipboard);
  if (write) navigator.clipboard.writeText = said =>
    write(window.event?.target?.closest?.(chat) ? text(said) : said);
  document.addEventListener('focusin', ({target}) => {
    if (target.tagName !== 'TEXTAREA' || !target.closest(chat) || target.dataset.exact) return;
    target.dataset.exact = true;
    target.value = text(target.value);
    target.dispatchEvent(new Event('input', {bubbles: true}));
  });
}"""


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    current = gr.State("")
    with gr.Row():
        model = gr.Dropdown(label=_("Model or documents"), scale=4)
        begin = gr.Button(_("New conversation"), scale=1, min_width=160)
    chat = gr.Chatbot(
        label=_("Conversation"),
        show_label=False,
        elem_classes="conversation",
        height="55vh",
        min_height=260,
        editable="user",
        buttons=["copy"],
        render_markdown=False,
        latex_delimiters=[],
        placeholder=_("Say something to the model that is chosen above."),
    )
    box = gr.Textbox(
        show_label=False,
        label=_("Message"),
        placeholder=_("Message"),
        max_lines=8,
        submit_btn=True,
        stop_btn=False,
    )
    with gr.Accordion(_("How replies are drawn"), open=False):
        drawn = _settings()
    with gr.Accordion(_("Conversations"), open=False):
        words = gr.Textbox(label=_("Search in all conversations"), max_lines=1)
        kept = gr.Radio(label=_("Kept conversations"), elem_classes="tall")
        with gr.Row():
            title = gr.Textbox(label=_("Title"), max_lines=1, scale=3, submit_btn=_("Rename"))
            delete = gr.Button(_("Delete"), variant="stop", scale=1, min_width=120)

    def edited(event: gr.EditData, *rest: Any) -> Iterator[list[Any]]:
        row: Any = event.index
        yield from _edit(house, int(row), str(event.value), *rest)

    talk = [current, model, *drawn]
    writing = [
        house.when(
            event, act, inputs, [chat, current, box, kept], show_progress="hidden",
            concurrency_limit=None,
        )
        for event, act, inputs in (
            (box.submit, partial(_say, house), [box, *talk]),
            (chat.retry, partial(_again, house), talk),
            (chat.edit, edited, talk),
        )
    ]  # fmt: skip
    house.when(box.stop, _ready, [], [box], cancels=writing)
    house.when(chat.undo, partial(_undo, house), [current], [chat, box])
    new = partial(house.when, act=_new, outputs=[chat, current, kept, title], cancels=writing)
    new(begin.click)
    new(chat.clear)
    shown = [chat, current, model, title]
    house.when(kept.input, partial(_open, house), [kept, model], shown, cancels=writing)
    house.when(words.change, partial(_list, house), [words, current], [kept])
    house.when(title.submit, partial(_rename, house), [title, current, words], [kept])
    house.when(
        delete.click, partial(_delete, house), [current, words], [chat, current, kept, title]
    )
    tab: Any = gr.context.Context.block
    root: Any = gr.context.Context.root_block
    house.when(house.model.change, partial(_choices, house), [house.model], [model])
    for event in (tab.select, root.load):
        house.when(event, partial(_choices, house), [model], [model])
        house.when(event, partial(_list, house), [words, current], [kept])
    root.load(None, js=_EXACT)


def _settings() -> list[Any]:
    """What the page lets a person set, in the order of `_decoding`."""
    usual = CHAT_DECODING
    again = _("0 gives the likeliest reply; asking again draws with {t}").format(t=_AGAIN)
    with gr.Row():
        return [
            gr.Slider(0, 2, usual.temperature, step=0.1, label=_("Temperature"), info=again),
            gr.Slider(0.05, 1, usual.top_p, step=0.05, label=_("Share of probability (top-p)")),
            gr.Slider(0, 200, usual.top_k, step=1, label=_("Likeliest words (top-k)")),
            gr.Slider(1, 2, usual.repetition_penalty, step=0.05, label=_("Against repetition")),
            gr.Slider(1, 2000, usual.max_new_tokens, step=1, label=_("Longest reply, in tokens")),
            gr.Number(label=_("Seed"), precision=0, info=_("A number makes replies repeatable")),
        ]


def _decoding(drawn: Any) -> Decoding:
    temperature, top_p, top_k, penalty, longest, seed = drawn
    return Decoding(
        max_new_tokens=int(longest),
        temperature=temperature,
        top_k=int(top_k),
        top_p=top_p,
        repetition_penalty=penalty,
        seed=seed,
    )


def _say(house: House, said: str, name: str, model: str, *drawn: Any) -> Iterator[list[Any]]:
    kept = Conversations(house.conversations)
    conversation = kept.open(name) if name else kept.new()
    if conversation.messages and conversation.messages[-1].role == "user":
        conversation.take_question_back()  # it was stopped before a reply began
    yield from _reply(house, conversation, said, model, _decoding(drawn))


def _again(house: House, name: str, model: str, *drawn: Any) -> Iterator[list[Any]]:
    conversation = Conversations(house.conversations).open(name)
    said, usual = conversation.take_question_back(), _decoding(drawn)
    other = replace(usual, temperature=max(_AGAIN, usual.temperature), seed=None)
    yield from _reply(house, conversation, said, model, other)


def _edit(
    house: House, row: int, said: str, name: str, model: str, *drawn: Any
) -> Iterator[list[Any]]:
    conversation = Conversations(house.conversations).open(name)
    del conversation.messages[row:]
    yield from _reply(house, conversation, said, model, _decoding(drawn))


def _reply(
    house: House, conversation: Conversation, said: str, model: str, decoding: Decoding
) -> Iterator[list[Any]]:
    """Write a reply while it is seen; where nothing comes of it, all stays as it was kept."""
    kept, count, failed = Conversations(house.conversations), len(conversation.messages), False
    before = _shown(kept.open(conversation.id)) if conversation.changed else []
    busy = gr.Textbox(value="", submit_btn=False, stop_btn=True)
    conversation.model = model
    try:
        conversation.messages.append(Message("user", _checked(said, model)))
        yield [_shown(conversation), conversation.id, busy, gr.skip()]
        shown = time.monotonic()
        for reply in _replies(house, conversation, decoding):
            conversation.messages[count + 1 :] = [reply]
            if time.monotonic() - shown > _EVERY:
                shown = time.monotonic()
                yield [_shown(conversation), gr.skip(), gr.skip(), gr.skip()]
    except Exception:
        failed = len(conversation.messages) <= count + 1
        chat, box = (before, _ready(said)) if failed else (gr.skip(), _ready())
        yield [chat, gr.skip(), box, gr.skip()]
        raise
    finally:
        if not failed:
            kept.save(conversation)
    yield [_shown(conversation), gr.skip(), _ready(), _list(house, "", conversation.id)]


def _checked(said: str, model: str) -> str:
    """What a person says, as it can be kept and answered."""
    text = said.encode("utf-8", "replace").decode().strip()
    if not model:
        raise InputError(
            _("No model is chosen"),
            hint=_("Train one in the tab Train, or drop documents into the tab Ask"),
        )
    if not text:
        raise InputError(_("The message is empty"), expected=_("a question, or how a text begins"))
    if len(text) > LONGEST:
        raise InputError(
            _("The message has {n} characters").format(n=len(text)),
            expected=_("{n} at most").format(n=LONGEST),
            hint=_("Say it in parts, or drop it as a document into the tab Ask"),
        )
    return text


def _replies(house: House, conversation: Conversation, decoding: Decoding) -> Iterator[Message]:
    """The reply as it grows."""
    said = conversation.messages
    engine = house.engines.get(conversation.model)
    if engine.model is None:
        asked = [one.content for one in said if one.role == "user"]
        answer = opened(engine.path).ask(asked[-1], asked[:-1])
        Collection(house.indexes, conversation.model).note(answer)
        yield Message("assistant", answer.answer, answer.citations, answer.remarks)
        return
    remark = _("This model learned from plain text: it does not answer, it continues.")
    remarks = () if len(said) > 1 or engine.model.chat().answers else (remark,)
    messages = [{"role": one.role, "content": one.content} for one in said]
    text = ""
    for piece in engine.chat(messages, decoding):
        text += piece
        yield Message("assistant", text.strip(), remarks=remarks)
    if not text.strip():
        yield Message("assistant", "", remarks=(*remarks, _("The model wrote nothing.")))


def _ready(said: str | None = None) -> dict[str, Any]:
    """The box as it waits for a message; without `said` what stands in it stays."""
    kept: dict[str, Any] = {} if said is None else {"value": said}
    return gr.update(submit_btn=True, stop_btn=False, **kept)


def _shown(conversation: Conversation) -> list[dict[str, Any]]:
    """The messages with what is remarked on them, and their citations."""
    rows = []
    for message in conversation.messages:
        remarks = (f"\n\n<small>{exact(remark)}</small>" for remark in message.remarks)
        parts = [exact(message.content), *remarks, cited(message.citations, message.content)]
        rows.append({"role": message.role, "content": [{"type": "text", "text": "".join(parts)}]})
    return rows


def _undo(house: House, name: str) -> list[Any]:
    kept = Conversations(house.conversations)
    conversation = kept.open(name)
    said = conversation.take_question_back()
    kept.save(conversation)
    return [_shown(conversation), _ready(said)]


def _new() -> list[Any]:
    return [[], "", gr.Radio(value=None), ""]


def _choices(house: House, wanted: str | None) -> gr.Dropdown:
    """The models and indexes there are now; without a wanted one the latest is chosen."""
    names = house.engines.names()
    latest = max(names, key=lambda name: (house.root / name).stat().st_mtime, default=None)
    return gr.Dropdown(choices=names, value=wanted if wanted in names else latest)


def _list(house: House, words: str | None, current: str) -> gr.Radio:
    found = Conversations(house.conversations).find(words or "")[:LISTED]
    ids = [one.id for one in found]
    return gr.Radio(
        choices=[(one.name, one.id) for one in found], value=current if current in ids else None
    )


def _open(house: House, name: str, model: str) -> list[Any]:
    conversation = Conversations(house.conversations).open(name)
    known = conversation.model in house.engines.names()
    return [
        _shown(conversation), name, conversation.model if known else model, conversation.name
    ]  # fmt: skip


def _rename(house: House, title: str, name: str, words: str) -> gr.Radio:
    kept = Conversations(house.conversations)
    conversation = kept.open(name)
    conversation.title = " ".join(title.split())[:LONGEST]
    kept.save(conversation)
    return _list(house, words, name)


def _delete(house: House, name: str, words: str) -> list[Any]:
    if name:
        Conversations(house.conversations).delete(name)
    return [[], "", _list(house, words, ""), ""]

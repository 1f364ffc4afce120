"""What the tab Chat does: a reply that is seen as it grows, stopped, asked for again, and kept.

A reply is stopped by a flag and ends by itself. Gradio's own way, `cancels`, now and then leaves
the word "Error" over the conversation: a picture of the reply may still be on its way.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from prosa.errors import InputError
from prosa.generation.options import Decoding
from prosa.i18n import _, number
from prosa.server.collection import Collection
from prosa.server.conversations import Conversation, Conversations, Message
from prosa.server.studio.cited import cited, exact
from prosa.server.studio.house import House

LONGEST = 20_000
"""Characters of what is said at once."""

LISTED = 50
"""Conversations that a list shows; others are found by searching."""

AGAIN = 0.8
"""The least temperature of a second try: the likeliest reply would be the same once more."""

_EVERY = 0.1  # seconds between two pictures of a reply that is being written
_PATIENCE = 10  # seconds that a reply has to stop in

Step = list[Any]
"""Values for the chat, the id of the conversation, the box of what is said, and the list."""


class Talk:
    """The conversations of one page; its methods answer the tab's events."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept = Conversations(house.conversations)
        self._written: dict[str, _Pen] = {}  # by the id of the conversation

    def say(self, said: str, name: str, model: str, *drawn: Any) -> Iterator[Step]:
        """Say something, in a conversation or in a new one."""
        conversation = self._kept.open(name) if name else self._kept.new()
        if conversation.messages and conversation.messages[-1].role == "user":
            conversation.take_question_back()  # it was stopped before a reply began
        yield from self._reply(conversation, said, model, decoding(drawn))

    def again(self, name: str, model: str, *drawn: Any) -> Iterator[Step]:
        """Ask the last question again, for another reply."""
        conversation, usual = self._kept.open(name), decoding(drawn)
        other = replace(usual, temperature=max(AGAIN, usual.temperature))
        yield from self._reply(conversation, conversation.take_question_back(), model, other)

    def edit(self, event: gr.EditData, name: str, model: str, *drawn: Any) -> Iterator[Step]:
        """Say something else in the place of what was said, and forget what followed."""
        conversation, row = self._kept.open(name), event.index
        assert isinstance(row, int)
        del conversation.messages[row:]
        yield from self._reply(conversation, str(event.value), model, decoding(drawn))

    def stop(self, name: str) -> None:
        """Let a reply end where it is."""
        if name in self._written:
            self._written[name].stopped = True

    def undo(self, name: str) -> list[Any]:
        """Take the last question and its reply back."""
        conversation = self._kept.open(name)
        said = conversation.take_question_back()
        self._kept.save(conversation)
        return [shown(conversation), _ready(said)]

    def new(self, current: str) -> list[Any]:
        """Leave a conversation, for one that begins with what is said next."""
        self._leave(current, [], "")
        return [[], "", gr.Radio(value=None), ""]

    def open(self, name: str, current: str, model: str) -> list[Any]:
        """Leave a conversation, for one of the list."""
        one = self._kept.open(name)
        self._leave(current, shown(one), name)
        known = one.model in self._house.writers()
        return [shown(one), name, one.model if known else model, one.name]

    def rename(self, title: str, name: str, words: str) -> gr.Radio:
        """Give a conversation a title."""
        conversation = self._kept.open(name)
        conversation.title = " ".join(title.split())[:LONGEST]
        self._kept.save(conversation)
        return self.listed(words, name)

    def delete(self, name: str, words: str) -> list[Any]:
        """Remove a conversation from the disk."""
        self._leave(name, [], "")
        if name:
            self._kept.delete(name)
        return [[], "", self.listed(words, ""), ""]

    def listed(self, words: str | None, current: str) -> gr.Radio:
        """The conversations that hold some words."""
        found = [(_dated(one), one.id) for one in self._kept.find(words or "")[:LISTED]]
        there = any(name == current for _title, name in found)
        return gr.Radio(choices=found, value=current if there else None)

    def choices(self, chosen: str | None) -> gr.Dropdown:
        """The models and indexes to talk to now; the latest is chosen where none is."""
        names, root = self._house.writers(), self._house.root
        if chosen in names:  # it stays: another may be chosen at this moment by `choose`
            return gr.Dropdown(choices=names)
        latest = max(names, key=lambda name: (root / name).stat().st_mtime, default=None)
        return gr.Dropdown(choices=names, value=latest)

    def choose(self, wanted: str | None) -> gr.Dropdown:
        """Choose what another tab hands over."""
        names = self._house.writers()
        return gr.Dropdown(choices=names, value=wanted) if wanted in names else gr.Dropdown()

    def _reply(
        self, conversation: Conversation, said: str, model: str, drawn: Decoding
    ) -> Iterator[Step]:
        """Write a reply while it is seen; where nothing comes of it, all stays as it was kept."""
        name, count, saved = conversation.id, len(conversation.messages), False
        if name in self._written:
            raise InputError(_("A reply is being written"), hint=_("Wait for it, or stop it"))
        message = Message("user", _checked(said, model))
        before = shown(self._kept.open(name)) if conversation.changed else []
        pen = self._written[name] = _Pen()
        conversation.model = model
        try:
            conversation.messages.append(message)
            busy = gr.Textbox(value="", submit_btn=False, stop_btn=True)
            yield [shown(conversation), name, busy, gr.skip()]
            for reply in self._until_stopped(conversation, drawn):
                conversation.messages[count + 1 :] = [reply]
                yield [shown(conversation), gr.skip(), gr.skip(), gr.skip()]
            self._kept.save(conversation)
            saved = True
            chat, current = pen.after or (shown(conversation), name)
            yield [chat, current, _ready(), self.listed("", current)]
        except Exception:
            begun = len(conversation.messages) > count + 1
            chat, box = (gr.skip(), _ready()) if begun else (before, _ready(said))
            yield [chat, name if begun or conversation.changed else "", box, gr.skip()]
            raise
        finally:
            if not saved and len(conversation.messages) > count + 1:
                self._kept.save(conversation)  # the page was closed, or the reply broke off
            del self._written[name]

    def _until_stopped(self, conversation: Conversation, drawn: Decoding) -> Iterator[Message]:
        """A reply as it grows, some times a second, and as it is in the end."""
        last, seen = None, time.monotonic()
        for last in self._replies(conversation, drawn):
            if self._written[conversation.id].stopped:
                break
            if time.monotonic() - seen > _EVERY:
                yield last
                seen = time.monotonic()
        if last is not None:
            yield last

    def _replies(self, conversation: Conversation, drawn: Decoding) -> Iterator[Message]:
        """A reply at every step."""
        said, engine = conversation.messages, self._house.engines.get(conversation.model)
        messages = [{"role": one.role, "content": one.content} for one in said]
        if engine.model is None:
            answer = next(engine.ask(messages))
            Collection(self._house.indexes, engine.name).note(answer)
            yield Message("assistant", answer.answer, answer.citations, answer.remarks)
            return
        remark = _("This model learned from plain text: it does not answer, it continues.")
        remarks = () if len(said) > 1 or engine.model.chat().answers else (remark,)
        text = ""
        for piece in engine.chat(messages, drawn):
            text += piece
            yield Message("assistant", text.strip(), remarks=remarks)
        if not text.strip():
            yield Message("assistant", "", remarks=(*remarks, _("The model wrote nothing.")))

    def _leave(self, name: str, chat: list[Any], current: str) -> None:
        """Stop a reply for good, and wait for its end: what it shows last is what follows it."""
        if name in self._written:
            self._written[name].after = chat, current
            self.stop(name)
        end = time.monotonic() + _PATIENCE
        while name in self._written and time.monotonic() < end:
            time.sleep(0.02)


@dataclass
class _Pen:
    """A reply that is being written: whether it is to stop, and what is shown in its place then.

    Gradio sends the last picture of a reply once more when it has ended, later than the answer to
    whatever has ended it.
    """

    stopped: bool = False
    after: tuple[list[Any], str] | None = None


def _dated(one: Conversation) -> str:
    return f"{one.name} · {one.changed.astimezone():%Y-%m-%d %H:%M}" if one.changed else one.name


def decoding(drawn: Any) -> Decoding:
    """What the page's settings mean."""
    temperature, top_p, top_k, penalty, longest = drawn
    return Decoding(
        max_new_tokens=int(longest),
        temperature=temperature,
        top_k=int(top_k),
        top_p=top_p,
        repetition_penalty=penalty,
    )


def shown(conversation: Conversation) -> list[dict[str, Any]]:
    """The messages for a Chatbot, with what is remarked on them, and their citations."""
    rows = []
    for message in conversation.messages:
        remarks = (f"\n\n<small>{exact(remark)}</small>" for remark in message.remarks)
        parts = [exact(message.content), *remarks, cited(message.citations, message.content)]
        rows.append({"role": message.role, "content": [{"type": "text", "text": "".join(parts)}]})
    return rows


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
            _("The message has {n} characters").format(n=number(len(text), 0)),
            expected=_("{n} at most").format(n=number(LONGEST, 0)),
            hint=_("Say it in parts, or drop it as a document into the tab Ask"),
        )
    return text


def _ready(said: str | None = None) -> dict[str, Any]:
    """The box as it waits for a message; without `said` what stands in it stays."""
    kept: dict[str, Any] = {} if said is None else {"value": said}
    return gr.update(submit_btn=True, stop_btn=False, **kept)

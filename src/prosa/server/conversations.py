"""Conversations kept on the disk, a JSON file each, listed and found again by their words."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from prosa.answering.answerer import Citation
from prosa.errors import InputError
from prosa.files import replacing
from prosa.i18n import _
from prosa.search.terms import fold

FORMAT = 1
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_NAME = 60
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Message:
    """What a person or a model said; an index adds citations, and remarks on how sure it is."""

    role: Literal["user", "assistant"]
    content: str
    citations: tuple[Citation, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class Conversation:
    """One conversation, with a model or an index of some name; `changed` once it was saved."""

    id: str
    model: str = ""
    title: str = ""
    changed: AwareDatetime | None = None
    messages: list[Message] = field(default_factory=list)
    format: int = FORMAT

    @property
    def name(self) -> str:
        """What it is called in a list: its title, or else how it begins."""
        begin = next((one.content for one in self.messages if one.role == "user"), "")
        text = " ".join((self.title or begin).split())
        return text if len(text) <= _NAME else text[: _NAME - 1].rstrip() + "…"

    def take_question_back(self) -> str:
        """Take out the last question and what followed it; gives the question, "" for none."""
        while self.messages:
            if (last := self.messages.pop()).role == "user":
                return last.content
        return ""


_JSON = TypeAdapter(Conversation)


class Conversations:
    """The conversations in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self, model: str = "") -> Conversation:
        """Begin a conversation; it is on the disk once it is saved."""
        now = datetime.now(UTC)
        return Conversation(f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", model)

    def open(self, name: str) -> Conversation:
        """A conversation by its id.

        Raises:
            InputError: There is none, or its file cannot be read.
        """
        path = self._path(name)
        try:
            found = _JSON.validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise InputError(
                _("There is no such conversation: '{name}'").format(name=name),
                hint=_("It may have been deleted; begin a new one"),
            ) from error
        except (OSError, ValidationError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
            raise InputError(
                _("This conversation cannot be read: {why}").format(why=why),
                path=path,
                hint=_("Mend the file, or remove it"),
            ) from error
        if found.format > FORMAT:
            raise InputError(
                _("A newer prosa kept this conversation"),
                path=path,
                hint=_("Upgrade with: pip install --upgrade prosa"),
            )
        return found

    def save(self, conversation: Conversation) -> None:
        """Keep a conversation as it is now, whole or not at all.

        Raises:
            InputError: The folder cannot be written to.
            ProsaError: The disk is full.
        """
        conversation.changed = datetime.now(UTC)
        with replacing(self._path(conversation.id), overwrite=True, file=True) as new:
            new.write_bytes(_JSON.dump_json(conversation, indent=1) + b"\n")

    def delete(self, name: str) -> None:
        """Remove a conversation; that it is gone already is no fault."""
        self._path(name).unlink(missing_ok=True)

    def find(self, words: str = "") -> list[Conversation]:
        """The conversations that hold all of some words, the latest first.

        Case and accents do not count. A file that cannot be read is passed over, and left alone.
        """
        wanted, found = fold(words).split(), []
        for path in self._folder.glob("*.json"):
            try:
                one = self.open(path.stem)
            except InputError:
                continue
            text = fold("\n".join([one.title, *(said.content for said in one.messages)]))
            if all(word in text for word in wanted):
                found.append(one)
        return sorted(found, key=lambda one: one.changed or _NEVER, reverse=True)

    def _path(self, name: str) -> Path:
        if not _ID.fullmatch(name):
            raise InputError(
                _("There is no such conversation: '{name}'").format(name=name),
                expected=_("one of the list"),
            )
        return self._folder / f"{name}.json"

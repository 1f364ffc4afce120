"""The models and indexes that are served, by name: loaded when first asked for, given back later.

An engine is one of them at work. Its worker writes everything that is asked of it at the same time
together; whoever asks takes the text from `chat`, or, in `app.py`, as events.
"""

import copy
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import psutil

from prosa.answering.answerer import Answer
from prosa.chat import CHAT_DECODING
from prosa.errors import InputError
from prosa.generation.batch import Batch, Row, check_length
from prosa.generation.decode import reply_ids
from prosa.generation.embed import vectors
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.search.stores import is_index
from prosa.server.replies import Spelling
from prosa.server.settings import Settings
from prosa.server.worker import Job, Worker
from prosa.tasks.task import writing_task
from prosa.tokens.encoder import TextEncoder
from prosa.verbs.answering import open_documents
from prosa.verbs.writing import load_model

_TEXTS = 8
"""Texts whose vectors are made between two steps of writing."""
_IDLE = 600.0
"""Seconds after which an engine that nobody asks is given back."""
_RECENT = 10.0
"""Seconds in which whoever asked for an engine has begun to use it."""
_SPARE = 1 << 30
"""Bytes of memory below which idle engines are given back before another is loaded."""


class UnknownModelError(InputError):
    """There is no model of this name."""


class Engine:
    """A loaded model or an open index.

    Attributes:
        name: What it is called in requests.
        path: Its folder (or Hugging Face id).
        model: The `prosa.verbs.writing.Model`; None of an index.
        documents: The `prosa.verbs.answering.Documents`; None of a model.
        worker: Takes jobs.
        used: When it was last asked for.
    """

    def __init__(self, name: str, path: str, settings: Settings) -> None:
        self.name, self.path = name, path
        self._settings = settings
        index = is_index(path)
        self.documents = open_documents(path) if index else None
        self.model = None if index else load_model(path)
        self.used = time.monotonic()
        # Encoding changes switches of the tokenizer, which decoding in the worker reads.
        self._tokenizer = copy.deepcopy(self.model.tokenizer) if self.model else None
        self._lock = threading.Lock()
        begin = None if index else self._batch
        self.worker = Worker(begin, settings.max_rows, settings.max_waiting)

    def _batch(self) -> Batch:
        assert self.model is not None
        return Batch(self.model.network, self.model.tokenizer)

    def replies(
        self, messages: Sequence[Mapping[str, str]], choices: Sequence[Decoding], top: int | None
    ) -> list[Any]:
        """What is to be done for replies to a conversation: `Row`s, or of an index other work.

        Args:
            messages: What was said.
            choices: How each reply is drawn; an index has one reply.
            top: How many likely tokens are wanted with each one; None for no scores.

        Raises:
            InputError: The model does not write, or what was said last is too long.
        """
        if self.model is None:
            return [self.ask(messages)]
        shown = [dict(message) for message in messages]
        shown = shown if self.model.remembers else shown[-1:]
        with self._lock:
            ids = reply_ids(self.model.network, cast(Any, self._tokenizer), shown, choices[0])
        return [Row(self._checked(ids), one, top) for one in choices]

    def continuations(
        self, prompts: Sequence[str], choices: Sequence[Decoding], top: int | None
    ) -> list[Any]:
        """The same for texts to go on with, each in all ways; to an index a text is a question.

        Raises:
            InputError: As `replies`; or an index has got several.
        """
        if self.model is None:
            if len(prompts) != 1:
                raise InputError(_("an index answers one question"), expected=_("one text"))
            return [self.ask([{"role": "user", "content": prompts[0]}])]
        task = writing_task(self.model.network)
        with self._lock:
            texts = [self._checked(task.prompt(self._tokenizer, text)) for text in prompts]
        return [Row(ids, one, top) for ids in texts for one in choices]

    @property
    def spelling(self) -> Spelling | None:
        """How the model's tokens read."""
        return Spelling(self._tokenizer) if self._tokenizer else None

    def count(self, texts: Sequence[str]) -> int:
        """Tokens of texts."""
        with self._lock:
            return int(TextEncoder(cast(Any, self._tokenizer))(texts)[1].sum())

    def _checked(self, ids: list[int]) -> list[int]:
        assert self.model is not None
        check_length(self.model.network, ids)
        most = self._settings.max_prompt
        if len(ids) > most:
            what = _("The prompt has {n} tokens; this server reads {most}")
            raise InputError(what.format(n=len(ids), most=most), hint=_("Shorten the prompt"))
        return ids

    def embed(self, texts: Sequence[str]) -> Iterator[Any]:
        """Vectors of texts [texts, dimensions], some at a time.

        Raises:
            InputError: This is no model, or one without vectors of texts.
        """
        if self.model is None:
            raise InputError(
                _("an index has no vectors of texts"), expected=_("the name of a model")
            )
        for start in range(0, len(texts), _TEXTS):
            yield vectors(self.model.network, self.model.tokenizer, texts[start : start + _TEXTS])

    def ask(self, messages: Sequence[Mapping[str, str]]) -> Iterator[Answer]:
        """The answer of an index to what the person said last.

        Raises:
            InputError: Nothing was asked.
        """
        assert self.documents is not None
        said = [message["content"] for message in messages if message["role"] == "user"]
        yield self.documents.ask(said[-1] if said else "", said[:-1])

    def chat(
        self, messages: Sequence[Mapping[str, str]], decoding: Decoding | None = None
    ) -> Iterator[str]:
        """The reply to a conversation in pieces; close the iterator to stop it.

        Of an index the answer comes whole, without its citations: `documents.ask` has them.

        Raises:
            InputError: The conversation is longer than the model's context, or nothing is asked.
            BusyError: Too many are waiting.
        """
        [work] = self.replies(messages, [decoding or CHAT_DECODING], None)
        items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        job = Job(items.put, work)
        self.worker.submit(job)
        try:
            while (item := items.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item.answer if isinstance(item, Answer) else item.text
        finally:
            job.gone = True


class Engines:
    """Engines by name.

    Args:
        sources: Gives the names and the folders (or ids) behind them, anew at every call: a model
            that has just been trained is there at once.
        settings: How many texts are written at a time, and so on.
    """

    def __init__(
        self, sources: Callable[[], Mapping[str, str]], settings: Settings | None = None
    ) -> None:
        self._sources = sources
        self._settings = settings or Settings()
        self._loaded: dict[str, tuple[Engine, int]] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Everything that can be asked for."""
        return list(self._sources())

    def loaded(self) -> list[Engine]:
        """What is in memory now."""
        return [engine for engine, _made in list(self._loaded.values())]

    def get(self, name: str) -> Engine:
        """A model or an index, loaded; anew where its folder has been written since.

        Raises:
            UnknownModelError: There is none of this name; the message lists them.
            InputError: It is broken.
        """
        sources = self._sources()
        if name not in sources:
            known = ", ".join(sources) or _("none yet")
            what = _("There is no model '{name}'").format(name=name[:200])
            raise UnknownModelError(what, expected=known)
        made = _written(sources[name])
        engine = self._kept(name, made)
        if engine is None:
            with self._lock:  # one at a time: two that load together need memory together
                engine = self._kept(name, made)
                if engine is None:
                    self._make_room(name)
                    engine = Engine(name, sources[name], self._settings)
                    self._loaded[name] = engine, made
        engine.used = time.monotonic()
        return engine

    def _kept(self, name: str, made: int) -> Engine | None:
        engine, when = self._loaded.get(name, (None, made))
        return engine if when == made else None

    def _make_room(self, name: str) -> None:
        """Give back what is not used: an older one of this name, idle ones, more if need be."""
        now = time.monotonic()
        for engine in sorted(self.loaded(), key=lambda engine: engine.used):
            idle = now - engine.used > _RECENT and not engine.worker.jobs
            short = psutil.virtual_memory().available < _SPARE
            if engine.name == name or (idle and (short or now - engine.used > _IDLE)):
                del self._loaded[engine.name]
                engine.worker.close(finish=True)

    def close(self) -> None:
        """Give all of them back."""
        for engine in self.loaded():
            engine.worker.close()
        self._loaded.clear()


def _written(path: str) -> int:
    """When a model's folder, or the words of an index, was written last; 0 of what has none."""
    files = (Path(path) / name for name in ("config.json", "words/meta.json"))
    return max((file.stat().st_mtime_ns for file in files if file.is_file()), default=0)


def on_disk(root: Path) -> Mapping[str, str]:
    """The finished runs and indexes in a folder, by their folders' names."""
    if not root.is_dir():
        return {}
    folders = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    kept = [path for path in folders if (path / "config.json").is_file() or is_index(path)]
    return {path.name: str(path) for path in kept}

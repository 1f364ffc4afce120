"""The models and indexes that are served, by name: loaded when first asked for, given back later.

An engine is one of them at work. A model's worker thread writes all texts that are asked of it at
the same time, together; whoever asks takes them from `chat` or `stream`, or in `app.py` as events.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prosa.errors import InputError
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.search.stores import is_index
from prosa.verbs.answering import open_documents
from prosa.verbs.writing import load_model


class Engine:
    """A loaded model or an open index.

    Attributes:
        name: What it is called in requests.
        path: Its folder (or Hugging Face id).
        model: The `prosa.verbs.writing.Model`; None of an index.
        documents: The `prosa.verbs.answering.Documents`; None of a model.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        index = is_index(path)
        self.documents = open_documents(path) if index else None
        self.model = None if index else load_model(path)
        self.used = time.monotonic()
        self._lock = threading.Lock()

    def chat(
        self, messages: Sequence[Mapping[str, str]], decoding: Decoding | None = None
    ) -> Iterator[str]:
        """The reply to a conversation in pieces; close the iterator to stop it.

        Of an index the answer comes whole, without its citations: `documents.ask` has them.

        Raises:
            InputError: The conversation is longer than the model's context, or nothing is asked.
        """
        said = [message["content"] for message in messages if message["role"] == "user"]
        if self.documents is not None:
            yield self.documents.ask(said[-1], said[:-1]).answer
            return
        assert self.model is not None
        with self._lock:
            talk = self.model.chat(**(vars(decoding) if decoding else {}))
            talk.history = [dict(message) for message in messages[:-1]]
            yield from talk.say(messages[-1]["content"])


class Engines:
    """Engines by name.

    Args:
        sources: Gives the names and the folders (or ids) behind them, anew at every call: a model
            that has just been trained is there at once.
    """

    def __init__(self, sources: Callable[[], Mapping[str, str]], **settings: Any) -> None:
        self._sources = sources
        self._loaded: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Everything that can be asked for."""
        return list(self._sources())

    def get(self, name: str) -> Engine:
        """A model or an index, loaded.

        Raises:
            InputError: There is none of this name (the message lists them), or it is broken.
        """
        sources = self._sources()
        if name not in sources:
            known = ", ".join(sources) or _("none yet")
            raise InputError(
                _("There is no model '{name}'").format(name=name[:200]), expected=known
            )
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = Engine(name, sources[name])
            return self._loaded[name]

    def close(self) -> None:
        """Give all of them back."""
        self._loaded.clear()


def on_disk(root: Path) -> Mapping[str, str]:
    """The finished runs and indexes in a folder, by their folders' names."""
    if not root.is_dir():
        return {}
    folders = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    kept = [path for path in folders if (path / "config.json").is_file() or is_index(path)]
    return {path.name: str(path) for path in kept}

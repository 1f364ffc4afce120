"""What a conversation is held with: a model of transformers, or a GGUF file in llama.cpp.

Both have one door. llama.cpp reads a file packed as it is, mapped from the disk, and needs neither
torch nor transformers: an 8-billion model in 4 bits talks in 8 GB.
"""

import atexit
import importlib.util
import os
import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from prosa.errors import InputError
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.models.plain_chat import STOP, TEMPLATE

Message = dict[str, str]

_CONTEXT = 4_096
"""Tokens that a packed model is given room for, if it can read as many: a conversation's. Its own
limit would take more memory than its weights (Gemma 270M: 600 MB for 32,768)."""


class Engine(Protocol):
    """What writes."""

    @property
    def answers(self) -> bool:
        """Whether what it writes to a message is an answer, and not how it goes on."""

    @property
    def continues(self) -> bool:
        """Whether what it writes to a prompt goes on from it."""

    @property
    def plain(self) -> bool:
        """Whether it talks through the plain template, as it came without one."""

    def stream(self, prompt: str, options: Decoding) -> Iterator[str]:
        """Continue a prompt piece by piece."""

    def reply(self, messages: Sequence[Message], options: Decoding) -> Iterator[str]:
        """Say what comes next in a conversation, piece by piece."""


def engine(model: Any, tokenizer: Any) -> Engine:
    """The engine for what `load` gave."""
    return model if isinstance(model, LlamaCpp) else Network(model, tokenizer)


class Network:
    """A `PreTrainedModel` and its tokenizer.

    Raises:
        InputError: The model does not write.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        from prosa.tasks.task import writing_task  # noqa: PLC0415  takes seconds

        self._model, self._tokenizer = model, tokenizer
        self._task = writing_task(model)
        self._task.prompt(tokenizer, "")  # raises where the model does not write

    @property
    def answers(self) -> bool:
        """Whether it was trained to answer, through a template or from a question."""
        return bool(self._tokenizer.chat_template) or self._task.replies

    @property
    def continues(self) -> bool:
        """Whether it goes on from the prompt."""
        return not self._task.replies

    @property
    def plain(self) -> bool:
        """Whether it came without a chat template."""
        return bool(self._tokenizer.chat_template == TEMPLATE)

    def stream(self, prompt: str, options: Decoding) -> Iterator[str]:
        """Continue a prompt piece by piece."""
        from prosa.generation.decode import stream  # noqa: PLC0415

        yield from stream(self._model, self._tokenizer, prompt, options)

    def reply(self, messages: Sequence[Message], options: Decoding) -> Iterator[str]:
        """Say what comes next; the oldest turns are forgotten where they do not fit."""
        from prosa.generation.decode import context_of, continue_ids  # noqa: PLC0415
        from prosa.tokens import conversation  # noqa: PLC0415

        if not self._tokenizer.chat_template:
            ids = self._task.prompt(self._tokenizer, messages[-1]["content"])
        else:
            if context := context_of(self._model):
                room = context - min(options.max_new_tokens, context // 2)
                messages = conversation.trim(self._tokenizer, messages, room)
            ids = conversation.prompt(self._tokenizer, messages)
            if self.plain:
                options = options.stopping_at(STOP)
        yield from continue_ids(self._model, self._tokenizer, ids, options)


def has_llama() -> bool:
    """Whether llama-cpp-python is installed."""
    return importlib.util.find_spec("llama_cpp") is not None


class LlamaCpp:
    """A GGUF file in llama.cpp, which is opened when it is first needed.

    Raises:
        InputError: The file does not fit into the memory.
    """

    def __init__(self, path: str | Path) -> None:
        from prosa.models.folder import check_memory  # noqa: PLC0415

        self.path = Path(path)
        check_memory(self.path, self.path.stat().st_size, 1)

    answers = continues = True

    def _open(self, context: int) -> Any:
        from llama_cpp import Llama  # noqa: PLC0415  an extra

        # Its threads wait for one another awake: one too many, and each token takes a second.
        threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        try:
            return Llama(
                str(self.path),
                n_ctx=context,
                n_threads=threads,
                n_threads_batch=threads,
                swa_full=False,  # what a sliding window has passed is not kept
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise InputError(
                _("this GGUF file is cut off or damaged ({what})").format(what=error),
                path=self.path,
                hint=_("Download it again, whole."),
            ) from error

    @cached_property
    def _llama(self) -> Any:
        llama = self._open(_CONTEXT)
        kind = llama.metadata.get("general.architecture")
        limit = int(llama.metadata.get(f"{kind}.context_length", _CONTEXT))
        if limit < _CONTEXT:
            llama.close()
            llama = self._open(limit)
        atexit.register(llama.close)  # at the very end its library has gone
        return llama

    @cached_property
    def _template(self) -> str:
        return str(self._llama.metadata.get("tokenizer.chat_template") or TEMPLATE)

    @property
    def plain(self) -> bool:
        """Whether the file has no chat template."""
        return self._template == TEMPLATE

    def stream(self, prompt: str, options: Decoding) -> Iterator[str]:
        """Continue a prompt piece by piece."""
        yield from self._write(self._llama.tokenize(prompt.encode(), special=False), options)

    def reply(self, messages: Sequence[Message], options: Decoding) -> Iterator[str]:
        """Say what comes next; the oldest turns are forgotten where they do not fit."""
        ids, left, context = self._rendered(messages), list(messages), self._llama.n_ctx()
        while len(ids) > context - min(options.max_new_tokens, context // 2) and len(left) > 2:
            first = 1 if left[0]["role"] == "system" else 0
            del left[first : first + 2]
            ids = self._rendered(left)
        yield from self._write(ids, options.stopping_at(STOP) if self.plain else options)

    def _rendered(self, messages: Sequence[Message]) -> list[int]:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter  # noqa: PLC0415

        signs = [self._llama.token_bos(), self._llama.token_eos()]
        start, end = (self._llama.detokenize([i], special=True).decode() for i in signs)
        render = Jinja2ChatFormatter(template=self._template, bos_token=start, eos_token=end)
        said: list[Any] = list(messages)
        text = render(messages=said).prompt
        ids: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=True)
        return ids

    def _write(self, ids: list[int], options: Decoding) -> Iterator[str]:
        if options.beams > 1:
            raise InputError(
                _("A GGUF file is read by llama.cpp, which has no beams"),
                hint=_("Leave --beams away"),
            )
        context = self._llama.n_ctx()
        if len(ids) >= context:
            raise InputError(
                _("The prompt has {n} tokens; this model's context is {context}").format(
                    n=len(ids), context=context
                ),
                hint=_("Shorten the prompt"),
            )
        written = self._llama.create_completion(
            ids,
            max_tokens=min(options.max_new_tokens, context - len(ids)),
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            min_p=0.0,
            repeat_penalty=options.repetition_penalty,
            seed=random.randrange(2**31) if options.seed is None else options.seed,  # noqa: S311
            stop=list(options.stop),
            stream=True,
        )
        for part in written:
            if piece := part["choices"][0]["text"]:
                yield piece

"""The exact words of a passage that answer a question, by an extractive model (span-qa).

The decoding is that of SQuAD 2.0 (Devlin et al. 2019): a span's score is the sum of the log chances
of its start and its end, compared with that of "there is no answer", which such a model puts on its
first token. Long passages are read through windows that overlap; a question that is too long loses
its end. transformers 5 has no pipeline for this any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from prosa.answering.answerer import Span
from prosa.errors import InputError
from prosa.extras import quiet
from prosa.i18n import _

LONGEST = 30
"""Tokens of an answer, at most."""

WINDOW = 384
"""Tokens that are read at once, at most: question and passage."""

OVERLAP = 128
QUESTION = 64
"""Tokens of a question that are read, at most."""

_BATCH = 8
_ROOM = 8

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Window:
    """The log chances of the best span in a window and of no answer; the span in characters."""

    passage: int
    score: float
    nothing: float
    start: int
    end: int


class Reader:
    """Reads passages with an extractive model.

    Raises:
        InputError: The tokenizer cannot say where in the text a token stands.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise InputError(_("This model has no fast tokenizer, which a reader needs"))
        self._model = model.eval()
        self._tokenizer = tokenizer
        context = getattr(model.config, "max_position_embeddings", None) or WINDOW
        # Some position tables begin behind the padding id: two places are never used there.
        self._window = max(1, min(WINDOW, context - 2))

    def read(self, question: str, passages: Sequence[str]) -> Span:
        """Find the span, in any of the passages, that answers best."""
        windows = self._windows(question, list(passages))
        if not windows:
            return Span(0, "", 0.0)
        # A passage answers nothing only as far as its most doubtful window says so.
        nothing = [
            min((one.nothing for one in windows if one.passage == passage), default=0.0)
            for passage in range(len(passages))
        ]
        best = max(windows, key=lambda one: one.score - nothing[one.passage])
        lead = best.score - nothing[best.passage]
        chance = float(1 / (1 + np.exp(-np.clip(lead, -30, 30))))
        return Span(best.passage, passages[best.passage][best.start : best.end].strip(), chance)

    def _windows(self, question: str, passages: list[str]) -> list[_Window]:
        asked = self._short(question)
        if not any(map(str.strip, passages)):
            return []
        batch = self._tokenizer(
            [asked] * len(passages),
            passages,
            truncation="only_second",
            max_length=self._window,
            stride=min(OVERLAP, max(0, (self._window - self._size(asked)) // 2)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="np",
        )
        owners = batch.pop("overflow_to_sample_mapping")
        offsets = batch.pop("offset_mapping")
        windows: list[_Window] = []
        for first in range(0, len(owners), _BATCH):
            some = slice(first, first + _BATCH)
            inputs = {name: torch.tensor(value[some]) for name, value in batch.items()}
            with torch.inference_mode():
                output = self._model(**inputs)
            starts, ends = output.start_logits.double().numpy(), output.end_logits.double().numpy()
            for row in range(len(starts)):
                mine = np.asarray([n == 1 for n in batch.sequence_ids(first + row)])
                seen = batch["attention_mask"][first + row] > 0
                if not mine.any():
                    continue
                score, nothing, start, end = _best(
                    _logs(starts[row], seen), _logs(ends[row], seen), mine
                )
                places = offsets[first + row][[start, end]].tolist()
                owner = int(owners[first + row])
                windows.append(_Window(owner, score, nothing, places[0][0], places[1][1]))
        return windows

    def _short(self, question: str) -> str:
        """The question, cut so that half the window is left for the passage."""
        most = min(QUESTION, self._window // 2)
        # A token is a hundred characters at most in any text that says something.
        head = question[: 100 * most]
        encoded = self._tokenizer(head, add_special_tokens=False, return_offsets_mapping=True)
        places = encoded["offset_mapping"]
        return head if len(places) <= most else head[: places[most - 1][1]]

    def _size(self, question: str) -> int:
        return len(self._tokenizer(question)["input_ids"]) + _ROOM


def load(folder: str | Path) -> Reader:
    """Load a reader from a model's folder or from the hub; nothing pickled, nothing executed.

    Raises:
        InputError: There is no such model, or it does not answer questions with spans.
    """
    try:
        with quiet():
            model, report = AutoModelForQuestionAnswering.from_pretrained(
                str(folder),
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
            tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            _("This model cannot be used as a reader: {reason}").format(
                reason=(str(error).strip() or type(error).__name__).split("\n", 1)[0]
            ),
            path=folder,
            expected=_("a model for extractive question answering, trained on span-qa data"),
        ) from error
    if report["missing_keys"]:
        raise InputError(
            _("This model was not trained to answer questions with spans"),
            path=folder,
            expected=_("a model for extractive question answering, trained on span-qa data"),
        )
    return Reader(model, tokenizer)


def _logs(logits: Reals, seen: npt.NDArray[np.bool_]) -> Reals:
    """Log chances over the tokens that are no padding."""
    masked = np.where(seen, logits, -np.inf)
    top = masked.max()
    logs: Reals = masked - top - np.log(np.exp(masked - top).sum())
    return logs


def _best(starts: Reals, ends: Reals, mine: npt.NDArray[np.bool_]) -> tuple[float, float, int, int]:
    """The best span of a window: its score, that of no answer, its first and its last token."""
    here = np.flatnonzero(mine)
    first, size = int(here[0]), len(here)
    table = starts[here][:, None] + ends[here][None, :]
    length = np.arange(size)[None, :] - np.arange(size)[:, None]
    table[(length < 0) | (length >= LONGEST)] = -np.inf
    start, end = divmod(int(table.argmax()), size)
    return float(table[start, end]), float(starts[0] + ends[0]), first + start, first + end

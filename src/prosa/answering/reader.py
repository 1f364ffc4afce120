"""The exact words of a passage that answer a question, by an extractive model (span-qa)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prosa.answering.answerer import Span
from prosa.errors import InputError
from prosa.i18n import _
from prosa.models import pretrained
from prosa.tasks import spans


class Reader:
    """Reads passages with an extractive model.

    Raises:
        InputError: The tokenizer cannot say where in the text a token stands.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        spans.check(tokenizer)
        self._model = model.eval()
        self._tokenizer = tokenizer

    def read(self, question: str, passages: Sequence[str]) -> Span:
        """Find the span, in any of the passages, that answers best."""
        every = spans.find(self._model, self._tokenizer, [question] * len(passages), passages)
        found = [(number, span) for number, span in enumerate(every) if span]
        if not found:
            return Span(0, "", 0.0)
        number, best = max(found, key=lambda one: one[1].lead)
        chance = float(1 / (1 + np.exp(-np.clip(best.lead, -30, 30))))
        return Span(number, passages[number][best.start : best.end].strip(), chance)


def load(folder: str | Path) -> Reader:
    """Load a reader from a model's folder or from the hub; nothing pickled, nothing executed.

    Raises:
        InputError: There is no such model, or it does not answer questions with spans.
    """
    model, tokenizer = pretrained.load(folder)
    if pretrained.auto_class(pretrained.described(model)) != spans.SPANS.auto:
        raise InputError(
            _("This model was not trained to answer questions with spans"),
            path=folder,
            expected=_("a model for extractive question answering, trained on span-qa data"),
        )
    return Reader(model, tokenizer)

"""A label for a text: what a classifier learns from `labelled` data.

Every body gets transformers' own head where there is one, and is saved with its labels' names. They
are numbered in the order of the alphabet.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.measure.labels import label_scores
from prosa.measure.metrics import Metrics
from prosa.models.family import Recipe
from prosa.models.pretrained import AUTO
from prosa.tasks.padded import PaddedRows, reads_at_once, tensor
from prosa.tasks.task import Row
from prosa.tokens import targets
from prosa.tokens.encoder import Framed
from prosa.tokens.stream import TokenStream

_BATCH = 1_000
_SCORED_ROWS = 32


class LabelledRows(PaddedRows):
    """Texts with the numbers of their labels; one that is too long loses its end.

    Args:
        stream: Documents of a framed text and the number of its label.
        tokenizer: The one that encoded them.
        context: Tokens of a row at most.
        order: As for `PaddedRows`.
    """

    def __init__(self, stream: TokenStream, tokenizer: Any, context: int, **order: Any) -> None:
        self._tokens, whole = stream.tokens, targets.whole(stream, 1)
        self._starts = np.asarray(stream.offsets)[whole]
        self._ends = np.asarray(stream.offsets)[np.add(whole, 1, dtype=np.int64)] - 1
        # Heads look at the end of a text: one that is cut keeps it.
        self._after = len(Framed(tokenizer).after)
        self._context = context
        pad = tokenizer.pad_token_id or 0
        super().__init__(np.minimum(self._ends - self._starts, context), pad, **order)

    def row(self, number: int) -> Row:
        """A text and its label."""
        start, end = int(self._starts[number]), int(self._ends[number])
        return {
            "input_ids": tensor(shortened(self._tokens[start:end], self._context, self._after)),
            "labels": torch.tensor(int(self._tokens[end])),
        }

    def collate(self, rows: Sequence[Row]) -> Row:
        """Fill up: {"input_ids", "attention_mask"} [B, L] and {"labels"} [B]."""
        return super().collate(rows) | {"labels": torch.stack([row["labels"] for row in rows])}


def shortened(ids: Any, most: int, after: int) -> Any:
    """At most so many ids: the beginning, and so many of the end."""
    if len(ids) <= most:
        return ids
    after = min(after, most - 1)
    return np.concatenate([ids[: most - after], ids[len(ids) - after :]])


class Labels:
    """Classification."""

    name = "labels"
    kinds = frozenset({Kind.LABELLED})
    auto = AUTO["labels"]
    special: tuple[str, ...] = ()
    template: str | None = "<s> $A </s>"
    writes = False
    replies = False
    loss_only = False
    tries = ('prosa classify {name} "..."',)

    def chats(self, kind: Kind) -> bool:
        """A text with a label is no conversation."""
        return False

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Framed text + number of its label, one document after the other."""
        classes = sorted({str(label) for label in table["label"].to_pylist()})
        numbers = {label: number for number, label in enumerate(classes)}
        framed = Framed(tokenizer)

        def documents() -> Iterator[tuple[list[int], list[int]]]:
            for batch in table.select(["text", "label"]).to_batches(max_chunksize=_BATCH):
                texts, labels = (list(map(str, column.to_pylist())) for column in batch.columns)
                for ids, label in zip(framed(texts), labels, strict=True):
                    yield ids, [numbers[label]]

        return targets.write(folder, documents(), classes=classes)

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> LabelledRows:
        """Padded texts of nearly equal length."""
        return LabelledRows(stream, tokenizer, context, **order)

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """There is none: a classifier does not write.

        Raises:
            InputError: Always.
        """
        raise InputError(
            _("This model gives labels; it does not write"),
            hint=_('Try: prosa classify MODEL "..."'),
        )

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """Loss a text, accuracy, macro F1, the majority's accuracy and the confusion.

        Raises:
            InputError: The data has a label that the model does not know.
        """
        start = time.perf_counter()
        known = names(model)
        if unknown := [label for label in stream.classes if label not in known]:
            raise InputError(
                _("The model does not know the label '{label}'").format(label=unknown[0]),
                expected=", ".join(known),
                hint=_("Leave these texts out, or train a model on data that has the label"),
            )
        number = [known.index(label) for label in stream.classes]
        rows = LabelledRows(stream, tokenizer, reads_at_once(model))
        nats, guessed, right = 0.0, [], []
        for some in rows.batches(_SCORED_ROWS):
            batch = rows.collate([rows.row(i) for i in some])
            true = [number[i] for i in batch.pop("labels").tolist()]
            logs = _log_probabilities(model, batch)
            nats -= float(logs[np.arange(len(true)), true].sum())
            guessed += logs.argmax(1).tolist()
            right += true
        values = {
            "tokens": int(rows.lengths.sum()),
            "documents": len(right),
            "loss": nats / max(1, len(right)),
            **label_scores([known[i] for i in right], [known[i] for i in guessed]),
        }
        return Metrics(values, time.perf_counter() - start)


def names(model: PreTrainedModel) -> list[str]:
    """A classifier's labels, by number."""
    labels: Any = model.config.id2label
    return [str(labels[number]) for number in sorted(labels)]


def probabilities(
    model: PreTrainedModel, tokenizer: Any, texts: Sequence[str]
) -> NDArray[np.float64]:
    """The probability of each label for each text, [texts, labels]."""
    framed = Framed(tokenizer)
    most, pad = reads_at_once(model), tokenizer.pad_token_id or 0
    ids = [tensor(shortened(row, most, len(framed.after))) for row in framed(texts)]
    rows = PaddedRows(np.array([len(row) for row in ids], np.int64), pad)
    found = np.zeros((len(texts), len(names(model))))
    for some in rows.batches(_SCORED_ROWS):
        if some:
            batch = rows.collate([{"input_ids": ids[i]} for i in some])
            found[some] = np.exp(_log_probabilities(model, batch))
    return found


def entailment(model: PreTrainedModel) -> int | None:
    """The number of the label by which a model says that one text follows from another."""
    every = enumerate(names(model))
    return next((number for number, name in every if name.lower().startswith("entail")), None)


def zero_shot(
    model: PreTrainedModel, tokenizer: Any, texts: Sequence[str], hypotheses: Sequence[str]
) -> NDArray[np.float64]:
    """How likely each of some hypotheses, rather than the others, follows from each text.

    By a model of natural language inference, without learning (Yin et al. 2019): [texts, labels].
    """
    follows, most = entailment(model), reads_at_once(model)
    found = np.zeros((len(texts), len(hypotheses)))
    for row, text in enumerate(texts):
        batch = tokenizer(
            [text] * len(hypotheses),
            list(hypotheses),
            truncation="only_first",
            max_length=most,
            padding=True,
            padding_side="right",
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = model(**batch.to(model.device)).logits[:, follows].double()
        found[row] = logits.softmax(0).cpu().numpy()
    return found


def _log_probabilities(model: Any, batch: Row) -> NDArray[np.float64]:
    training = model.training
    model.train(False)
    with torch.inference_mode():
        batch = {name: values.to(model.device) for name, values in batch.items()}
        logs: NDArray[np.float64] = model(**batch).logits.double().log_softmax(-1).cpu().numpy()
    model.train(training)
    return logs


LABELS = Labels()

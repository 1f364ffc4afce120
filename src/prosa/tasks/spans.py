"""The exact words of a text that answer a question: what a reader learns from `span-qa` data.

The decoding is that of SQuAD 2.0 (Devlin et al. 2019): a span's score is the sum of the log chances
of its start and its end, compared with that of "there is no answer", which stands on the first
token. Long texts are read through windows that overlap; a question that is too long loses its end.
transformers 5 has no pipeline for this any more.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.data.steps import located
from prosa.errors import InputError
from prosa.i18n import _
from prosa.measure.answers import answer_scores
from prosa.measure.metrics import Metrics
from prosa.models.family import Recipe
from prosa.models.pretrained import AUTO
from prosa.tasks.padded import PaddedRows, reads_at_once, tensor
from prosa.tasks.task import Row
from prosa.tokens import targets
from prosa.tokens.documents import filled
from prosa.tokens.stream import TokenStream

LONGEST = 30
"""Tokens of an answer, at most."""
WINDOW = 384
"""Tokens that are read at once, at most: question and text."""
OVERLAP = 128
QUESTION = 64
"""Tokens of a question that are read, at most."""
_BATCH = 16
_RECORDS = 256
_NUMBERS = 4

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """A question and a text as ids; those of the text are the ones from `first` to before `last`.

    Attributes:
        places: Where in the text, in characters, each id from `first` on stands.
    """

    ids: list[int]
    first: int
    last: int
    places: list[tuple[int, int]]


class Found(NamedTuple):
    """The best span in a text: its log chance, that of no answer, and where it stands."""

    score: float
    nothing: float
    start: int
    end: int

    @property
    def lead(self) -> float:
        """How much likelier the span is than that there is no answer, in nats."""
        return self.score - self.nothing


def ask(tokenizer: Any, question: str, text: str, most: int = 2 * QUESTION) -> Asked:
    """Question and text as a model reads them, the question cut to half of `most` tokens."""
    most = min(QUESTION, max(1, most // 2))
    # A token is a hundred characters at most in any text that says something.
    question = question[: 100 * most]
    encoded = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
    places = encoded["offset_mapping"]
    question = question if len(places) <= most else question[: places[most - 1][1]]
    encoded = tokenizer(question, text, return_offsets_mapping=True, verbose=False)
    of_text = [n for n, owner in enumerate(encoded.sequence_ids(0)) if owner == 1]
    first = of_text[0] if of_text else len(encoded["input_ids"])
    last = of_text[-1] + 1 if of_text else first
    places, end = [], 0
    for start, stop in encoded["offset_mapping"][first:last]:
        # A joiner that a normalizer puts in counts to the character before it.
        places.append((max(start, end), stop))
        end = stop
    return Asked(encoded["input_ids"], first, last, places)


def windows(first: int, last: int, length: int, most: int) -> Iterator[tuple[int, int]]:
    """Stretches of the tokens of a text that fit into `most` with what stands around them."""
    room = max(1, most - (length - (last - first)))
    step = room - min(OVERLAP, room // 2)
    start = first
    while True:
        yield start, min(start + room, last)
        if start + room >= last:
            return
        start += step


class SpanRows(PaddedRows):
    """Windows of questions with their texts, and where the answer begins and ends in each.

    Args:
        stream: Documents of question and text, and behind them `first`, `last`, and the first and
            the last token of the answer; 0 and 0 where there is none.
        tokenizer: The one that encoded them.
        context: Tokens of a window at most.
        order: As for `PaddedRows`.
    """

    def __init__(self, stream: TokenStream, tokenizer: Any, context: int, **order: Any) -> None:
        self._stream, self._typed = stream, _typed(tokenizer)
        self._cuts: list[tuple[int, int, int]] = []
        lengths = []
        for number in targets.whole(stream, _NUMBERS):
            start, end = stream.offsets[number : number + 2]
            first, last = map(int, stream.tokens[end - _NUMBERS : end - _NUMBERS + 2])
            length = int(end - start) - _NUMBERS
            for begin, stop in windows(first, last, length, context):
                self._cuts.append((number, begin, stop))
                lengths.append(length - (last - first) + stop - begin)
        super().__init__(np.array(lengths, np.int64), tokenizer.pad_token_id or 0, **order)

    def row(self, number: int) -> Row:
        """A window, and the places of its answer."""
        document, begin, stop = self._cuts[number]
        start, end = self._stream.offsets[document : document + 2]
        ids = self._stream.tokens[start:end]
        first, last, head, tail = map(int, ids[-_NUMBERS:])
        window = np.concatenate([ids[:first], ids[begin:stop], ids[last:-_NUMBERS]])
        inside = head > 0 and begin <= head and tail < stop
        moved = [place - begin + first if inside else 0 for place in (head, tail)]
        row = {"input_ids": tensor(window)}
        if self._typed:
            row["token_type_ids"] = (torch.arange(len(window)) >= first).long()
        return row | {
            "start_positions": torch.tensor(moved[0]),
            "end_positions": torch.tensor(moved[1]),
        }

    def collate(self, rows: Sequence[Row]) -> Row:
        """Fill up: {"input_ids", "attention_mask", "token_type_ids"} [B, L] and places [B]."""
        batch = super().collate(rows)
        if self._typed:
            batch["token_type_ids"] = filled([row["token_type_ids"] for row in rows], 0)
        for name in ("start_positions", "end_positions"):
            batch[name] = torch.stack([row[name] for row in rows])
        return batch


def _typed(tokenizer: Any) -> bool:
    return "token_type_ids" in tokenizer.model_input_names


class Spans:
    """Extractive question answering."""

    name = "spans"
    kinds = frozenset({Kind.SPAN_QA})
    auto = AUTO["spans"]
    special: tuple[str, ...] = ()
    template: str | None = "<s> $A </s>"
    writes = False
    replies = False
    loss_only = False
    tries = ('prosa ask INDEX "..." --reader {name}',)

    def chats(self, kind: Kind) -> bool:
        """A question on a text is no conversation."""
        return False

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Question + text + the places of the answer; what has lost its answer is left out.

        Raises:
            InputError: The tokenizer cannot say where in the text a token stands.
        """
        check(tokenizer)

        def documents() -> Iterator[tuple[list[int], list[int]]]:
            for batch in table.to_batches(max_chunksize=_RECORDS):
                for record in batch.to_pylist():
                    asked = ask(tokenizer, record["question"], record["context"])
                    place = _place(record, asked)
                    if place is not None:
                        yield asked.ids, [asked.first, asked.last, *place]

        return replace(targets.write(folder, documents()), records=table)

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> SpanRows:
        """Padded windows of nearly equal length."""
        return SpanRows(stream, tokenizer, context, **order)

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """There is none: a reader does not write.

        Raises:
            InputError: Always.
        """
        raise InputError(
            _("This model finds answers in texts; it does not write"),
            hint=_('Try: prosa ask INDEX "..." --reader MODEL'),
        )

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """Loss a place; of records that were just encoded exact match and F1 too."""
        start = time.perf_counter()
        rows = SpanRows(stream, tokenizer, min(WINDOW, reads_at_once(model)))
        nats = 0.0
        for some in rows.batches(_BATCH):
            batch = rows.collate([rows.row(i) for i in some])
            places = [batch.pop(f"{end}_positions").numpy() for end in ("start", "end")]
            logs = _logs(model, batch)
            for side, at in zip(logs, places, strict=True):
                nats -= float(side[np.arange(len(some)), at].sum())
        values = {
            "tokens": int(rows.lengths.sum()),
            "documents": len(targets.whole(stream, _NUMBERS)),
            "loss": nats / max(1, 2 * len(rows)),
        }
        if stream.records is not None:
            values |= examine(model, tokenizer, stream.records)
        return Metrics(values, time.perf_counter() - start)


def check(tokenizer: Any) -> None:
    """Refuse a tokenizer that cannot say where in a text a token stands.

    Raises:
        InputError: It cannot.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(_("This model has no fast tokenizer, which a reader needs"))


def examine(model: PreTrainedModel, tokenizer: Any, table: pa.Table) -> dict[str, float]:
    """`exact_match` and `f1`, 0 to 1, as the official SQuAD script has them.

    Data in which every question has an answer is that of SQuAD 1.1: then one is always given.
    """
    check(tokenizer)
    answers: list[Any] = table["answers"].to_pylist()
    always = all(answers)
    exact = f1 = 0.0
    for first in range(0, len(table), _RECORDS):
        part = table.slice(first, _RECORDS)
        questions, texts = (
            list(map(str, part[name].to_pylist())) for name in ("question", "context")
        )
        found = find(model, tokenizer, questions, texts)
        for text, best, expected in zip(texts, found, answers[first:], strict=False):
            given = best is not None and (always or best.lead > 0)
            said = text[best.start : best.end] if best and given else ""
            scores = answer_scores(said, [answer["text"] for answer in expected])
            exact, f1 = exact + scores[0], f1 + scores[1]
    return {"exact_match": exact / max(1, len(table)), "f1": f1 / max(1, len(table))}


def _place(record: dict[str, Any], asked: Asked) -> tuple[int, int] | None:
    """The first and the last token of the answer; 0, 0 where there is none, None where it is lost.

    Of several answers it is the first that stands in the text.
    """
    if not record["answers"]:
        return 0, 0
    answer = next((one for one in record["answers"] if located(record["context"], one)), None)
    if answer is None:
        return None
    start, end = answer["start"], answer["start"] + len(answer["text"])
    within = [n for n, (a, b) in enumerate(asked.places) if a < end and b > start]
    return (asked.first + within[0], asked.first + within[-1]) if within else None


def find(
    model: PreTrainedModel, tokenizer: Any, questions: Sequence[str], texts: Sequence[str]
) -> list[Found | None]:
    """The best span in each text for its question; None where a text says nothing.

    A text answers nothing only as far as its most doubtful window says so.
    """
    most = min(WINDOW, reads_at_once(model))
    asked = [ask(tokenizer, q, t, most) for q, t in zip(questions, texts, strict=True)]
    cuts = [
        (number, begin, stop)
        for number, one in enumerate(asked)
        if one.last > one.first
        for begin, stop in windows(one.first, one.last, len(one.ids), most)
    ]
    cuts.sort(key=lambda cut: cut[1] - cut[2])  # long windows first
    found: list[Found | None] = [None] * len(asked)
    for at in range(0, len(cuts), _BATCH):
        some = cuts[at : at + _BATCH]
        read = _read(model, tokenizer, asked, some)
        for (number, begin, _stop), best in zip(some, read, strict=True):
            one, known = asked[number], found[number]
            start, end = (begin - one.first + place for place in (best.start, best.end))
            here = best._replace(start=one.places[start][0], end=one.places[end][1])
            if known is not None:
                nothing = min(known.nothing, here.nothing)
                here = max(known, here, key=lambda span: span.score)._replace(nothing=nothing)
            found[number] = here
    return found


def _read(
    model: PreTrainedModel,
    tokenizer: Any,
    asked: Sequence[Asked],
    cuts: Sequence[tuple[int, int, int]],
) -> Iterator[Found]:
    """The best span of each window, in tokens from the window's first one of the text."""
    rows = [
        asked[n].ids[: asked[n].first] + asked[n].ids[begin:stop] + asked[n].ids[asked[n].last :]
        for n, begin, stop in cuts
    ]
    padded = PaddedRows(np.array([len(row) for row in rows], np.int64), tokenizer.pad_token_id or 0)
    batch = padded.collate([{"input_ids": torch.tensor(row)} for row in rows])
    firsts = torch.tensor([asked[n].first for n, _begin, _stop in cuts])
    if _typed(tokenizer):
        width = batch["input_ids"].shape[1]
        batch["token_type_ids"] = (torch.arange(width) >= firsts[:, None]) * batch["attention_mask"]
    starts, ends = _logs(model, batch)
    for row, (n, begin, stop) in enumerate(cuts):
        here = slice(asked[n].first, asked[n].first + stop - begin)
        table = starts[row, here][:, None] + ends[row, here][None, :]
        length = np.arange(stop - begin)[None, :] - np.arange(stop - begin)[:, None]
        table[(length < 0) | (length >= LONGEST)] = -np.inf
        first, last = divmod(int(table.argmax()), stop - begin)
        nothing = float(starts[row, 0] + ends[row, 0])
        yield Found(float(table[first, last]), nothing, first, last)


def _logs(model: Any, batch: Row) -> tuple[Reals, Reals]:
    """Log chances of a start and of an end over the tokens that are no padding, [B, L] each."""
    training = model.training
    model.train(False)
    with torch.inference_mode():
        output = model(**{name: values.to(model.device) for name, values in batch.items()})
    model.train(training)
    sides = []
    for logits in (output.start_logits, output.end_logits):
        masked = logits.double().cpu().masked_fill(batch["attention_mask"] == 0, -torch.inf)
        sides.append(masked.log_softmax(-1).numpy())
    return sides[0], sides[1]


SPANS = Spans()

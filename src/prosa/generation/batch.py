"""Texts of one model written together: rows join when asked for and leave when they are done.

`decode.py` writes one text with it, the server as many as are asked for (continuous batching: Yu
et al. 2022, Orca). A model with a limited context may write past it: the oldest half is forgotten
then and writing goes on.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.generation.options import Decoding
from prosa.generation.rows import Rows, rows_of
from prosa.generation.sampling import Draw, next_tokens
from prosa.generation.stream import Pieces
from prosa.i18n import _

Finish = Literal["stop", "length"]


class Scored(NamedTuple):
    """A token that was written: its log-probability, and the likeliest in its place."""

    token: int
    logprob: float
    top: list[tuple[int, float]]


class Step(NamedTuple):
    """What a step did to a text: text that is now certain, why it ended, and its token's score."""

    text: str
    finish: Finish | None = None
    scored: Scored | None = None


class Row:
    """A text that is being written.

    Args:
        ids: The prompt.
        options: How it is drawn.
        top: So many of the likeliest tokens are wanted with each one; None for no scores at all.

    Attributes:
        read: Tokens of the prompt.
        written: Tokens of the text so far.
    """

    def __init__(self, ids: list[int], options: Decoding, top: int | None = None) -> None:
        self.ids, self.read = list(ids), len(ids)
        self.options = options
        self.top = top
        self.written = 0
        self.random = Random(options.seed)  # noqa: S311  nothing secret is drawn
        self.pieces: Pieces | None = None


class _Group(NamedTuple):
    """Rows that are stepped together."""

    rows: list[Row]
    memory: Rows
    tokens: list[int]


class Batch:
    """Writes any number of texts with one model."""

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self._model: Any = model
        self._tokenizer = tokenizer
        self._ends = end_ids(model)
        special = (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id)
        never = {token for token in special if token is not None} - self._ends
        self._never = torch.tensor(sorted(never), dtype=torch.long, device=model.device)
        self._context = context_of(model)
        self._pairs = bool(model.config.is_encoder_decoder)
        self._new: list[Row] = []
        self._groups: list[_Group] = []

    def __len__(self) -> int:
        return len(self._new) + sum(len(group.rows) for group in self._groups)

    def add(self, row: Row) -> None:
        """Begin a text at the next step.

        Raises:
            InputError: The prompt is longer than the model's context.
        """
        check_length(self._model, row.ids)
        row.pieces = Pieces(self._decode, [] if self._pairs else row.ids, row.options.stop)
        self._new.append(row)

    def drop(self, row: Row) -> None:
        """Forget a text; nothing happens where it has ended."""
        self._new = [new for new in self._new if new is not row]
        self._groups = [kept for group in self._groups if (kept := _without(group, {row}))]

    @torch.inference_mode()
    def step(self) -> list[tuple[Row, Step]]:
        """Write one token of every text."""
        groups = self._groups, self._started()
        scores = [group.memory.step(group.tokens) for group in groups[0]]
        for rows, memory, logits in groups[1]:
            if not (scores and self._groups[-1].memory.join(memory)):
                self._groups.append(_Group(list(rows), memory, []))
                scores.append(logits)
                continue
            self._groups[-1].rows.extend(rows)
            scores[-1] = torch.cat([scores[-1], logits])
        done: list[tuple[Row, Step]] = []
        pairs = list(zip(self._groups, scores, strict=True))
        self._groups = []
        for group, logits in pairs:
            steps, leaving = self._write(group, logits)
            done += steps
            if kept := _without(group, leaving):
                self._groups.append(kept)
        return done

    def _started(self) -> list[tuple[list[Row], Rows, Tensor]]:
        rows, self._new = self._new, []
        if not rows:
            return []
        memory = rows_of(self._model)
        return [(rows, memory, memory.read([row.ids for row in rows]))]

    def _write(self, group: _Group, logits: Tensor) -> tuple[list[tuple[Row, Step]], set[Row]]:
        """Take the next token of each row; say which rows leave."""
        draws = [Draw(row.options, row.random, row.ids) for row in group.rows]
        group.tokens[:] = next_tokens(logits, draws, self._never)
        scored = self._scored(group, logits)
        steps, leaving = [], set()
        for row, token in zip(group.rows, group.tokens, strict=True):
            step = self._accept(row, token)._replace(scored=scored.get(row))
            steps.append((row, step))
            if step.finish:
                leaving.add(row)
            elif not self._pairs and self._context == len(row.ids):
                # Half the context stays as the new prompt: one pass for every half written.
                row.ids = [row.ids[0], *row.ids[1:][-(self._context // 2) :]]
                self._new.append(row)
                leaving.add(row)
        return steps, leaving

    def _accept(self, row: Row, token: int) -> Step:
        assert row.pieces is not None
        if token in self._ends:
            return Step(row.pieces.end(), "stop")
        row.written += 1
        row.ids.append(token)
        text = row.pieces.add(token)
        if row.pieces.stopped:
            return Step(text, "stop")
        full = self._pairs and self._context is not None and row.written >= self._context - 1
        if full or row.written >= row.options.max_new_tokens:
            return Step(text + row.pieces.end(), "length")
        return Step(text)

    def _scored(self, group: _Group, logits: Tensor) -> dict[Row, Scored]:
        """Scores as the model has them, before temperature and penalty, for who wants them."""
        said = enumerate(zip(group.rows, group.tokens, strict=True))
        wanted = [i for i, (row, id_) in said if row.top is not None and id_ not in self._ends]
        if not wanted:
            return {}
        rows = [group.rows[i] for i in wanted]
        logprobs = logits[wanted].float().log_softmax(1)
        count = min(max(row.top or 0 for row in rows), logprobs.shape[1])
        values, tokens = logprobs.topk(count)
        scored = {}
        for i, row in enumerate(rows):
            token = group.tokens[wanted[i]]
            top = zip(tokens[i, : row.top].tolist(), values[i, : row.top].tolist(), strict=True)
            scored[row] = Scored(token, float(logprobs[i, token]), list(top))
        return scored

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))


def _without(group: _Group, leaving: set[Row]) -> _Group | None:
    stay = [i for i, row in enumerate(group.rows) if row not in leaving]
    if len(stay) < len(group.rows):
        if not stay:
            return None
        group.memory.keep(stay)
        group.rows[:] = [group.rows[i] for i in stay]
        group.tokens[:] = [group.tokens[i] for i in stay]
    return group


def context_of(model: PreTrainedModel) -> int | None:
    """The most tokens a model can see at once; None where that has no limit."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def check_length(model: PreTrainedModel, ids: Sequence[int]) -> None:
    """Refuse a prompt that leaves no room to write.

    Raises:
        InputError: It is as long as the model's context, or longer.
    """
    context = context_of(model)
    if context is not None and len(ids) >= context:
        raise InputError(
            _("The prompt has {n} tokens; this model's context is {context}").format(
                n=len(ids), context=context
            ),
            hint=_("Shorten the prompt, or train a model with a larger --context"),
        )


def end_ids(model: PreTrainedModel) -> set[int]:
    """The tokens that end a text."""
    ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return set(ends) if isinstance(ends, list) else {ends} if ends is not None else set()

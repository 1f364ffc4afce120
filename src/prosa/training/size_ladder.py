"""The ladder of sizes: which model fits the data and the time, before a step is measured.

The rules were found by trying on small corpora; each says what was measured.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.families import FAMILIES
from prosa.models.sizes import Sizes
from prosa.training import machine as machines
from prosa.training.machine import Machine

EPOCHS = 15
"""Passes over the data when nobody asks for more; validation may stop a run sooner."""
BLIND_EPOCHS = 9
"""The same where nothing is validated: 1,250 headlines are learned by heart in these."""
TOKENS_PER_PARAMETER = 3.5
"""Below so few tokens seen a parameter, a smaller model learns more in the same time.

Tinyshakespeare by characters, two minutes, one run each: 222 thousand parameters that saw 7.3
tokens each reached 1.58 nats, 117 thousand that saw 12.4 reached 1.65; 620 thousand that saw 1.4,
in 224 s, 1.67.
"""
STEPS = 1_000
"""Steps a run should have at least, whatever its budget, before the batch may grow."""
_LONGEST_ROW = 256
"""Tokens of a small decoder's row, at most, unless it answers questions."""
_WORDS = 1_000
"""Tokens of a vocabulary from which on they are words or pieces of words, not characters."""

# (layers, hidden size, heads): each costs about twice the one above it.
_DECODERS = (
    (2, 64, 4),
    (4, 64, 4),
    (4, 96, 4),
    (4, 128, 4),
    (5, 160, 5),
    (6, 192, 6),
    (6, 256, 8),
    (8, 320, 5),
    (8, 448, 7),
    (12, 640, 10),
    (12, 768, 12),
)
# In stories of 170 tokens, after a million of them, one layer of 128 units was right on 55 % of the
# probes and two of 64 on 44 %; but these were probes that repeating the story answers (see decision
# 0006), so it waits to be measured again. On running text they were as good (1.39 and 1.37 bits a
# byte in two minutes, one run each).
_STORY_DECODERS = ((1, 128, 2), (2, 128, 2), *_DECODERS[3:])
# (layers, embedding size, hidden size)
_RECURRENT = (
    (1, 64, 128),
    (1, 96, 192),
    (1, 128, 256),
    (2, 192, 384),
    (2, 256, 512),
    (2, 384, 768),
    (2, 512, 1024),
)


@dataclass(frozen=True)
class Corpus:
    """What the plan needs to know of the data.

    Attributes:
        tokens: Tokens of training data.
        documents: Documents of training data.
        long_document: Tokens of a long document (the 90th percentile).
        validated: Whether there is validation data.
        turns: Whether a document is a question with its answer, or a conversation.
    """

    tokens: int
    documents: int
    long_document: int
    validated: bool
    turns: bool = False


@dataclass(frozen=True)
class SizeLadder:
    """The sizes that are open to a run of so many seconds, from small to large.

    `asked` are the sizes that a person fixed.
    """

    family: str
    asked: Sizes
    corpus: Corpus
    vocabulary: int
    machine: Machine
    seconds: float

    def candidates(self) -> list[Sizes]:
        """Complete sizes, each once, with what a person fixed."""
        if self.family == "decoder":
            decoders = _STORY_DECODERS if self._short_documents else _DECODERS
            ladder = [Sizes(layers=n, hidden_size=h, heads=k) for n, h, k in decoders]
        else:
            ladder = [Sizes(layers=n, embedding_size=e, hidden_size=h) for n, e, h in _RECURRENT]
        given: dict[str, Any] = self.asked.given
        if "hidden_size" in given and "heads" not in given:
            ladder = [replace(sizes, heads=None) for sizes in ladder]
        candidates: list[Sizes] = []
        for sizes in ladder:
            context = _context(self.family, sizes.hidden_size or 0, self.corpus)
            whole = FAMILIES[self.family].sizes(replace(sizes, **{"context": context, **given}))
            if whole not in candidates:
                candidates.append(whole)
        return candidates

    @property
    def _short_documents(self) -> bool:
        """Whether a decoder has texts of words to learn that fit into a row or two."""
        short = self.corpus.long_document <= 2 * _LONGEST_ROW and not self.corpus.turns
        return self.family == "decoder" and short and self.vocabulary >= _WORDS

    def first_guess(self) -> int:
        """The largest that sees enough tokens in the time and is not far above its data."""
        best = 0
        for level, sizes in enumerate(self.candidates()):
            parameters = FAMILIES[self.family].estimate(sizes, self.vocabulary).parameters
            # A model with more parameters than twice the tokens of its data learns it by heart.
            small_enough = parameters <= 2 * self.corpus.tokens + 500_000
            if small_enough and self.tokens_in_time(sizes) >= TOKENS_PER_PARAMETER * parameters:
                best = level
        return best

    def tokens_in_time(self, sizes: Sizes) -> float:
        """Training tokens that the time allows, at a third of the speed of matrix products."""
        speed = max(self.machine.float32_flops, self.machine.bfloat16_flops) / 3
        cost = FAMILIES[self.family].estimate(sizes, self.vocabulary)
        return self.seconds * speed / cost.flops_per_token

    def batch(self, sizes: Sizes, wanted: int | None, epochs: float) -> tuple[int, int]:
        """Rows a forward pass, and forward passes a step.

        Args:
            sizes: One of the candidates.
            wanted: Rows a step, where the person gave them.
            epochs: Most epochs that the run will make.
        """
        context = sizes.context or 1
        rows = wanted or 0
        if not rows:
            seen = min(self.tokens_in_time(sizes), epochs * self.corpus.tokens)
            # Many small steps beat few large ones, down to 256 tokens: below, steps cost more. A
            # wide model's tables cost more a step: stories came at 4 thousand tokens a second in
            # steps of 256 tokens, at 8 thousand in steps of 2,048.
            least = 2_048 if self._short_documents else 256
            tokens = min(32_768, max(least, seen / STEPS), max(256, self.corpus.tokens / 32))
            rows = max(1, 2 ** round(math.log2(tokens / context)))
        accumulation = math.ceil(rows / self._rows_that_fit(sizes))
        return math.ceil(rows / accumulation), accumulation

    def _rows_that_fit(self, sizes: Sizes) -> int:
        """Rows whose activations take at most a quarter of the free memory.

        A rough count, not measured: 40 floats a token, layer and hidden unit, and three copies of
        the logits.
        """
        hidden = max(sizes.hidden_size or 1, sizes.embedding_size or 1)
        per_token = 4 * (40 * hidden * (sizes.layers or 1) + 3 * self.vocabulary)
        return max(1, int(self.machine.memory_bytes / 4 / per_token / (sizes.context or 1)))


def learning_rate(family: str, sizes: Sizes) -> float:
    """Falls with the width. A few tries at one width each, on one seed; not a search."""
    hidden = sizes.hidden_size or 128
    if family == "decoder":
        return 0.015 * min(1.0, (64 / hidden) ** 0.5)
    return {"rnn": 0.005}.get(family, 0.03) * (100 / hidden) ** 0.5


def sizes_of(start: PreTrainedModel, asked: Sizes) -> Sizes:
    """The sizes of a model that is trained further; only context and dropout may be chosen anew."""
    config = start.config
    sizes = Sizes(
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        heads=getattr(config, "num_attention_heads", None),
        embedding_size=getattr(config, "embedding_size", None),
    )
    for name, value in asked.given.items():
        kept = getattr(sizes, name)
        if name not in ("context", "dropout") and value != kept:
            raise InputError(
                _("--{name} is {value}, but the model to start from has {kept}").format(
                    name=name.replace("_", "-"), value=value, kept=kept
                ),
                hint=_("Leave the flag away, or train a new model without --from"),
            )
    most = getattr(config, "max_position_embeddings", None)
    context = min(asked.context or most, most) if most else asked.context
    return replace(sizes, context=context, dropout=asked.dropout)


def _context(family: str, hidden: int, corpus: Corpus) -> int:
    """Tokens a row: a power of two that holds a long document whole, if a small run can afford it.

    Running text has no such length. One run each on tinyshakespeare, on a busy machine: rows of 64
    characters gave 1.60 nats in 111 s, rows of 128 gave 1.62 in 151 s.
    """
    least, most = (64, _LONGEST_ROW) if family == "decoder" else (32, 128)
    long_document = corpus.long_document
    if corpus.turns:
        most *= 2  # an answer that has lost its question out of sight is learned for nothing
    elif long_document > 2 * most:
        return most if hidden >= 192 else least
    return min(most, max(least, 2 ** math.ceil(math.log2(max(2, long_document)))))


@dataclass(frozen=True)
class Guess:
    """A plan before the data is tokenised: good to a factor of two."""

    family: str
    parameters: int
    seconds: float


def guess(
    family: str, size: int, minutes: float, vocabulary: int = 2_000, *, turns: bool = False
) -> Guess:
    """What a run on so many bytes of text would be like, for a family that descends.

    A token of such a vocabulary is about 3.5 bytes of Portuguese.
    """
    tokens = max(1, int(size / 3.5))
    corpus = Corpus(tokens, max(1, tokens // 200), 200, validated=True, turns=turns)
    ladder = SizeLadder(family, Sizes(), corpus, vocabulary, machines.measure(), 60 * minutes)
    sizes = ladder.candidates()[ladder.first_guess()]
    in_time = ladder.tokens_in_time(sizes)
    seconds = 60 * minutes * min(1.0, EPOCHS * tokens / in_time)
    parameters = FAMILIES[family].estimate(sizes, vocabulary).parameters
    return Guess(family, parameters, seconds)

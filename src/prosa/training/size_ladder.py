"""The ladder of sizes: which model fits the data and the time, before a step is measured.

The rules were found by trying on small corpora; each says what was measured.
"""

import math
from dataclasses import dataclass, replace

from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.family import Family, Recipe, Sizes
from prosa.models.registry import Estimate, estimate
from prosa.models.sizes import complete
from prosa.training import machine as machines
from prosa.training import world
from prosa.training.machine import Machine

EPOCHS = 15
"""Passes over the data when nobody asks for more; validation may stop a run sooner."""
BLIND_EPOCHS = 9
"""The same where nothing is validated: 1,250 headlines are learned by heart in these."""
TOKENS_PER_PARAMETER = 1.5
"""Below so few tokens seen a parameter, a smaller model learns more in the same time. Stories: 4
layers of 128 units that saw 1.2 were right on 78.7 % of the probes after two minutes; the demo's
half minute is too short for more than 2 layers of 64."""


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

    `asked` are the sizes that a person fixed, `auto` is the auto class that builds the model,
    `start` the model that is taught further, if one is.
    """

    family: Family
    auto: str
    asked: Sizes
    corpus: Corpus
    vocabulary: int
    machine: Machine
    seconds: float
    start: PreTrainedModel | None = None

    def candidates(self) -> list[Sizes]:
        """Complete sizes, each once, with what a person fixed."""
        given = self.asked.given
        candidates: list[Sizes] = []
        for sizes in self.family.sizes:
            hidden = given.get("hidden_size") or sizes.hidden_size or 0
            context = _context(self.family.recipe, hidden, self.corpus)
            if self.start is not None:
                context = min(context, reach(self.start) or context)
            chosen = replace(sizes, **{"context": context, **given})
            if "hidden_size" in given and "heads" not in given:
                chosen = replace(chosen, heads=None)
            whole = complete(self.family, chosen)
            if whole not in candidates:
                candidates.append(whole)
        return candidates

    def estimate(self, sizes: Sizes) -> Estimate:
        """What a model of these sizes costs."""
        if self.start is not None:
            matrices = [p for p in self.start.parameters() if p.dim() == 2]
            trained = sum(p.numel() for p in matrices if p.requires_grad)
            through = sum(p.numel() for p in matrices) + 2 * trained
            return Estimate(self.start.num_parameters(), 4 * through)
        return estimate(self.family.name, sizes, self.vocabulary, self.auto)

    def first_guess(self) -> int:
        """The largest that sees enough tokens in the time and is not far above its data."""
        best = 0
        for level, sizes in enumerate(self.candidates()):
            parameters = self.estimate(sizes).parameters
            # A model with more parameters than twice the tokens of its data learns it by heart.
            # Less so with dropout that grows.
            most = 2 if self.corpus.turns or self.family.recipe.dropout_from is None else 8
            small_enough = parameters <= most * self.corpus.tokens + 500_000
            if small_enough and self.tokens_in_time(sizes) >= TOKENS_PER_PARAMETER * parameters:
                best = level
        return best

    def tokens_in_time(self, sizes: Sizes) -> float:
        """Training tokens that the time allows, at a third of the speed of matrix products."""
        speed = max(self.machine.float32_flops, self.machine.bfloat16_flops) / 3
        return self.seconds * speed * world.size() / self.estimate(sizes).flops_per_token

    def batch(self, sizes: Sizes, row_tokens: float, epochs: float) -> int:
        """Rows a step, of all processes.

        Args:
            sizes: One of the candidates.
            row_tokens: Tokens that a row teaches.
            epochs: Most epochs that the run will make.
        """
        seen = min(self.tokens_in_time(sizes), epochs * self.corpus.tokens)
        least, steps = self.family.recipe.batch
        tokens = min(32_768, max(least, seen / steps), max(256, self.corpus.tokens / 32))
        return max(world.size(), 2 ** round(math.log2(tokens / row_tokens)))

    def passes(self, sizes: Sizes, batch: int) -> tuple[int, int]:
        """Rows in a forward pass of a process, and its forward passes a step."""
        rows = math.ceil(batch / world.size())
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


def sizes_of(family: Family, start: PreTrainedModel, asked: Sizes) -> Sizes:
    """The sizes of a model that is trained further; only context and dropout may be chosen anew."""
    config = start.config.get_text_config()
    names = {"layers": "num_hidden_layers", "heads": "num_attention_heads"}
    fixed = [name for name in family.sizes[0].given if name not in ("context", "dropout")]
    sizes = Sizes(**{name: getattr(config, names.get(name, name), None) for name in fixed})
    for name in fixed:
        value, kept = getattr(asked, name), getattr(sizes, name)
        if value not in (None, kept):
            raise InputError(
                _("--{name} is {value}, but the model to start from has {kept}").format(
                    name=name.replace("_", "-"), value=value, kept=kept
                ),
                hint=_("Leave the flag away, or train a new model without --from"),
            )
    most, context = reach(start), asked.context
    if most and (context or not family.recipe.apart):  # apart, a document needs no more than itself
        context = min(context or most, most)
    return replace(asked.over(sizes), context=context)


def reach(model: PreTrainedModel) -> int | None:
    """The most tokens that a model can read at once, where there is a limit."""
    config = model.config.get_text_config()
    return getattr(config, "max_position_embeddings", None)


def _context(recipe: Recipe, hidden: int, corpus: Corpus) -> int:
    """Tokens a row: a power of two that holds a long document whole, if a small run can afford it.

    Running text has no such length. One run each on tinyshakespeare, on a busy machine: rows of 64
    characters gave 1.60 nats in 111 s, rows of 128 gave 1.62 in 151 s.
    """
    least, most = recipe.row
    long_document = corpus.long_document
    if corpus.turns:
        most *= 2  # an answer that has lost its question out of sight is learned for nothing
    elif long_document > 2 * most:
        return most if hidden >= 256 else least
    return min(most, max(least, 2 ** math.ceil(math.log2(max(2, long_document)))))


@dataclass(frozen=True)
class Guess:
    """A plan before the data is tokenised: good to a factor of two."""

    family: str
    parameters: int
    seconds: float


def guess(
    family: Family, auto: str, size: int, minutes: float, *, turns: bool, vocabulary: int = 2_000
) -> Guess:
    """What a run on so many bytes of text would be like.

    A token of such a vocabulary is about 3.5 bytes of Portuguese.
    """
    if family.learning == "count":
        return Guess(family.name, 0, size / 2_000_000)
    tokens = max(1, int(size / 3.5))
    corpus = Corpus(tokens, max(1, tokens // 200), 200, validated=True, turns=turns)
    ladder = SizeLadder(family, auto, Sizes(), corpus, vocabulary, machines.measure(), 60 * minutes)
    sizes = ladder.candidates()[ladder.first_guess()]
    seconds = 60 * minutes * min(1.0, EPOCHS * tokens / ladder.tokens_in_time(sizes))
    return Guess(family.name, ladder.estimate(sizes).parameters, seconds)

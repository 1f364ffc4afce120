"""Models that were trained elsewhere, whatever their architecture: how they are taught further.

The rates are those of a fine-tuning: a hundredth of a beginning's, or less.
"""

from typing import NoReturn

from transformers import PreTrainedConfig

from prosa.models.family import N_, About, Family, Recipe, Sizes

ADAPTED = 30.0
"""An adapter takes so many times the rate of the whole model (Schulman et al. 2025, "LoRA without
regret", say ten in long runs, more in short ones). Gemma 270M, 30 steps of 8 questions: 2.98 nats
in training at 3e-4, 2.67 at 1e-3 (one run each)."""


def _begun_elsewhere(*_sizes: object) -> NoReturn:
    raise ValueError("a model of this kind is never made, only taught further")


PRETRAINED = Family(
    name="pretrained",
    tasks=("causal", "seq2seq", "masked", "labels", "spans"),
    learning="descend",
    config=PreTrainedConfig,
    configure=_begun_elsewhere,
    sizes=(Sizes(context=512, layers=1, hidden_size=1),),
    recipe=Recipe(
        learning_rate=3e-5,
        width=640,
        falls_only=True,
        betas=(0.9, 0.99),
        row=(32, 512),
        apart=True,
        head_rate=10.0,
        batch=(512, 400),
    ),
    about=About(
        what=N_("A model that was trained elsewhere"),
        since=N_("2018 (Howard & Ruder; Radford et al.)"),
        good_for=N_("answers in good sentences from few examples"),
    ),
)

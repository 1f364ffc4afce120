"""Language models: the families by name, saving and loading. Every model is a `PreTrainedModel`."""

from prosa.models.families import (
    FAMILIES,
    Estimate,
    Family,
    SpecialIds,
    family,
    family_of,
    start_from_frequencies,
    stop_at,
)
from prosa.models.sizes import Sizes

__all__ = [
    "FAMILIES",
    "Estimate",
    "Family",
    "Sizes",
    "SpecialIds",
    "family",
    "family_of",
    "start_from_frequencies",
    "stop_at",
]

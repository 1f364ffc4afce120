"""How text is drawn from a model: the ecosystem's names, checked once."""

from dataclasses import dataclass, replace
from typing import Any

from prosa.i18n import _
from prosa.models.sizes import wrong


@dataclass(frozen=True)
class Decoding:
    """The ways to turn next-token probabilities into text.

    Attributes:
        max_new_tokens: Tokens to write at most.
        temperature: Below 1 sharpens, above 1 flattens; 0 always takes the likeliest token.
        top_k: Draw from the k likeliest tokens; 0 for all.
        top_p: Draw from the likeliest tokens that hold this share of the probability
            (nucleus sampling, Holtzman et al. 2020).
        beams: Keep this many continuations and return the likeliest; above 1 nothing is drawn.
        repetition_penalty: Above 1 makes tokens that already stand there less likely
            (Keskar et al. 2019, CTRL).
        seed: Makes a draw repeatable; None draws anew every time.
        stop: Texts at which writing stops; they are not part of the result.
    """

    max_new_tokens: int = 200
    temperature: float = 0.8
    top_k: int = 50
    top_p: float = 0.95
    beams: int = 1
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._need("max_new_tokens", self.max_new_tokens >= 1, _("1 or more"))
        self._need("temperature", 0 <= self.temperature <= 10, _("0 to 10"))
        self._need("top_k", self.top_k >= 0, _("0 or more"))
        self._need("top_p", 0 < self.top_p <= 1, _("above 0, at most 1"))
        self._need("beams", 1 <= self.beams <= 64, _("1 to 64"))
        self._need("repetition_penalty", 0.1 <= self.repetition_penalty <= 10, _("0.1 to 10"))

    def _need(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise wrong(name, getattr(self, name), expected)

    def stopping_at(self, text: str) -> "Decoding":
        """The same, with one more text at which writing stops."""
        return replace(self, stop=(*self.stop, text))

    def arguments(self) -> dict[str, Any]:
        """The same for `PreTrainedModel.generate`."""
        shared = {"repetition_penalty": self.repetition_penalty, "num_beams": self.beams}
        if self.temperature == 0 or self.top_k == 1 or self.beams > 1:
            return {**shared, "do_sample": False}
        drawn = {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p}
        return {**shared, **drawn, "do_sample": True}

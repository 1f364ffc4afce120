"""How good a model is at a task: named figures, and which of them decides."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Metrics:
    """What was measured.

    Attributes:
        values: Figures by their documented names; `loss` in nats per token.
        seconds: How long measuring took.
        primary: The figure that decides which weights are best.
        better: Whether a low or a high one is better.
    """

    values: dict[str, Any]
    seconds: float
    primary: str = "loss"
    better: Literal["low", "high"] = "low"

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def bits_per_byte(self) -> float | None:
        """The unit in which models with different tokenizers are compared, where there is one."""
        return self.values.get("bits_per_byte")

    def to_json(self) -> dict[str, Any]:
        """The documented keys of `prosa evaluate --json`."""
        speed = self.values["tokens"] / max(1e-9, self.seconds)
        return {
            **self.values,
            "seconds": round(self.seconds, 4),
            "tokens_per_second": round(speed, 1),
        }

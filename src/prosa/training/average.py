"""A running average of the weights: as good as a cooled-down model at any moment of a run.

The average covers about the last tenth of the steps, however many there have been: at step t it
moves 9 / (10 + t) of the way to the weights (a power-function average, Karras et al. 2024). A run
that is stopped so ends with weights that need no cool-down; docs/decisions/0009-recipe.md
has the figures.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The average of a model's weights over the last tenth of a run."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after `step` steps."""
        now = [parameter.detach() for parameter in model.parameters()]
        torch._foreach_lerp_(list(self.weights.values()), now, 9 / (10 + step))

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Go on with what a checkpoint kept."""
        for name, value in weights.items():
            self.weights[name].copy_(value)

    @contextmanager
    def within(self, model: nn.Module) -> Iterator[None]:
        """The model has the averaged weights here."""
        self._exchange(model)
        try:
            yield
        finally:
            self._exchange(model)

    def _exchange(self, model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            parameter.data, self.weights[name] = self.weights[name], parameter.data

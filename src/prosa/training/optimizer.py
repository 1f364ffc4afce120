"""One optimizer for all: Muon on hidden matrices, AdamW on everything else.

Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ ; its update is scaled to the
size of an AdamW step as in Liu et al. 2025 (Moonlight, equation 4), so that one learning rate and
one schedule serve both. AdamW: Loshchilov & Hutter 2019. torch has `torch.optim.Muon`, but it
orthogonalises in bfloat16 only: 30 times slower than float32 on processors that emulate it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from prosa.models.family import Recipe

# The quintic iteration's coefficients, from Jordan's post: steepest at zero, bounded above.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(matrices_KMN: Tensor, steps: int = 5) -> Tensor:  # noqa: N803
    """Replace each matrix by the nearest orthogonal one, roughly (Newton-Schulz).

    Args:
        matrices_KMN: K matrices of one shape; any float dtype, in which the work is done.
        steps: Iterations of the quintic polynomial. With 3 a decoder learned less: 1.68 nats
            against 1.67 after as many steps (characters, one seed).

    Returns:
        K matrices whose singular values lie within about 0.7 to 1.2.
    """
    wide = matrices_KMN.size(-2) <= matrices_KMN.size(-1)
    x = matrices_KMN if wide else matrices_KMN.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _step in range(steps):
        gram = torch.bmm(x, x.mT)
        polynomial = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        x = torch.baddbmm(x, polynomial, x, beta=_A)
    return x if wide else x.mT


class MuonAdamW(torch.optim.AdamW):
    """torch's AdamW, with Muon on the groups that ask for it by `"muon": True`.

    `lr` is in AdamW's scale for both; `betas` are AdamW's, Muon's momentum is 0.95; Muon
    orthogonalises in `dtype`.
    """

    def __init__(
        self,
        groups: Sequence[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        fused = groups[0]["params"][0].device.type in ("cpu", "cuda")
        super().__init__(
            [{"muon": False, **group} for group in groups],
            lr=lr,
            betas=betas,
            weight_decay=weight_decay,
            fused=fused,
            foreach=not fused,
        )
        self._dtype = dtype

    def __setstate__(self, state: dict[str, Any]) -> None:
        for values in state["state"].values():
            values.setdefault("step", torch.zeros(()))  # AdamW asks every state for one
        for group in state["param_groups"]:  # checkpoints of earlier versions have fewer settings
            group.update({**self.defaults, **group})
        super().__setstate__(state)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; parameters without a gradient stay as they are."""
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group["muon"]]
        try:
            loss = super().step(closure)
        finally:
            self.param_groups = groups
        for group in groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if group["muon"] and parameters:
                self._muon(group, parameters)
        return loss

    def _muon(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        # Matrices of one shape, lying or standing, are orthogonalised together: half the time.
        by_shape: dict[tuple[int, ...], list[Tensor]] = {}
        for parameter in parameters:
            by_shape.setdefault(tuple(sorted(parameter.shape)), []).append(parameter)
        for shape, same in by_shape.items():
            gradients = [p.grad for p in same if p.grad is not None]
            momenta = [self._momentum(p) for p in same]
            torch._foreach_lerp_(momenta, gradients, 0.05)
            nesterov = torch._foreach_lerp(gradients, momenta, 0.95)  # noqa: SLF001
            lying = [_lying(update, like=p) for update, p in zip(nesterov, same, strict=True)]
            updates = orthogonalise(torch.stack(lying).to(self._dtype)).to(same[0].dtype)
            back = [_lying(update, like=p) for update, p in zip(updates, same, strict=True)]
            torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(same, back, alpha=-group["lr"] * 0.2 * max(shape) ** 0.5)

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        return state["momentum"]


def _lying(matrix: Tensor, like: Tensor) -> Tensor:
    """The matrix, turned over if `like` stands (has more rows than columns)."""
    return matrix.mT if like.size(0) > like.size(1) else matrix


def build(model: nn.Module, recipe: Recipe, *, learning_rate: float, bfloat16: bool) -> MuonAdamW:
    """The optimizer for a model.

    Args:
        model: The model; matrices that are neither embedding nor output layer go to Muon, where the
            recipe says so, and are decayed; vectors (norms, biases) and tables never are.
        recipe: What goes to Muon, AdamW's betas, the decay, and the rates of the embedding and of
            a new head.
        learning_rate: In AdamW's scale.
        bfloat16: Whether this machine multiplies bfloat16 faster than float32.
    """
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    output: Any = getattr(model, "get_output_embeddings", lambda: None)()
    inputs: set[int] = set()
    if isinstance(output, nn.Linear):
        inputs = tables - {id(output.weight)}
        tables.add(id(output.weight))
    trained = [p for p in model.parameters() if p.requires_grad]
    head: set[int] = set()
    if output is None and recipe.head_rate != 1:
        body = {id(p) for p in getattr(model, "base_model", model).parameters()}
        head = {id(p) for p in trained} - body
        trained = [p for p in trained if id(p) in body]
    hidden = [p for p in trained if p.ndim == 2 and id(p) not in tables]
    known = inputs.union(map(id, hidden))
    groups: list[dict[str, Any]] = [
        {"params": hidden, "muon": recipe.muon, "weight_decay": recipe.weight_decay},
        {
            "params": [p for p in trained if id(p) in inputs],
            "lr": learning_rate * recipe.embedding_rate,
        },
        {"params": [p for p in trained if id(p) not in known]},
        {
            "params": [p for p in model.parameters() if id(p) in head],
            "lr": learning_rate * recipe.head_rate,
        },
    ]
    return MuonAdamW(
        [group for group in groups if group["params"]],
        lr=learning_rate,
        betas=recipe.betas,
        dtype=torch.bfloat16 if bfloat16 else torch.float32,
    )

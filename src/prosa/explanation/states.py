"""What a recurrent network remembers while it reads: its hidden state, word by word."""

from typing import Any

import torch
from torch import Tensor, nn

from prosa.explanation import svg
from prosa.explanation.picture import Picture
from prosa.explanation.subject import Subject
from prosa.i18n import _

_UNITS = 32


def states(subject: Subject) -> Picture | None:
    """The units of the last layer that change most, over the sentence."""
    cells = [part for part in subject.model.modules() if isinstance(part, nn.RNNBase)]
    if not cells:
        return None
    state = _of_source(subject) if subject.pairs else _of_cells(subject, cells[-1])
    changing = state.std(0, correction=0).topk(min(_UNITS, state.shape[1])).indices
    # In the order in which they are strongest, so that neighbours are alike.
    units = changing[state[:, changing].abs().argmax(0).argsort(stable=True)].tolist()
    figures = {
        "tokens": subject.words,
        "units": units,
        "values": [[round(value, 4) for value in row] for row in state[:, units].tolist()],
    }
    return Picture(
        "state",
        _("What the network remembers"),
        _(
            "Each column is the network's memory after that word, each row one of its units: green "
            "is above zero, orange below, and what stays the same over many words is remembered."
        )
        + " "
        + _("Shown are the {units} of {all} units of the last layer that change most.").format(
            units=len(units), all=state.shape[1]
        ),
        figures,
        lambda width: _draw(figures, width),
    )


def _of_source(subject: Subject) -> Tensor:
    """[S, H] of an encoder, which reads from both sides."""
    hidden: Tensor = subject.output.encoder_last_hidden_state[0].float().cpu()
    return hidden


def _of_cells(subject: Subject, cells: nn.RNNBase) -> Tensor:
    """[L, H] of the last layer of a language model."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, result: Any) -> None:
        seen.append(result[0])

    handle = cells.register_forward_hook(keep)
    try:
        with torch.inference_mode():
            subject.model(input_ids=torch.tensor([subject.ids], device=subject.model.device))
    finally:
        handle.remove()
    return seen[0][0].float().cpu()


def _draw(figures: dict[str, Any], width: float) -> str:
    values = [list(unit) for unit in zip(*figures["values"], strict=True)]
    units = [str(unit) for unit in figures["units"]]
    parts, wide, high = svg.grid(units, figures["tokens"], values, width, row_height=13, power=1)
    return svg.whole(_("What the network remembers"), max(width, wide), high + 2, parts)

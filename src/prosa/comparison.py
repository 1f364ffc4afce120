"""Models side by side: one table in one unit, and the same prompts continued by each.

All are scored on the same text; bits per byte makes different tokenizers comparable.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa import files
from prosa.data.kinds import Kind
from prosa.generation.decode import generate
from prosa.generation.options import Decoding
from prosa.measure.probes import ask
from prosa.samples.probes import Probe
from prosa.tasks.task import task_of


@dataclass(frozen=True)
class Entry:
    """A model that takes part; how long its training took and where it lies, where known."""

    name: str
    family: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    train_seconds: float | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Row:
    """One model's line; the names are the documented keys of `prosa compare --json`."""

    name: str
    family: str
    parameters: int
    bits_per_byte: float
    perplexity: float
    accuracy: float
    tokens_per_second: float
    train_seconds: float | None
    memory_bytes: int
    disk_bytes: int | None
    probes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """The table and the texts."""

    models: list[Row]
    prompts: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The documented keys."""
        return asdict(self)


def compare(
    entries: Sequence[Entry],
    table: pa.Table,
    kind: Kind,
    *,
    prompts: Sequence[str] = (),
    probes: Sequence[Probe] = (),
    decoding: Decoding | None = None,
) -> Comparison:
    """Compare models on a text that none of them has learned from, rows of this kind.

    Each of them also continues the prompts, as `decoding` says, and is asked the probes.
    """
    rows = [_row(entry, table, kind, probes) for entry in entries]
    decoding = decoding or Decoding(max_new_tokens=80, temperature=0.7, seed=0)
    continued = [
        {
            "prompt": prompt,
            "answers": {e.name: generate(e.model, e.tokenizer, prompt, decoding) for e in entries},
        }
        for prompt in prompts
    ]
    return Comparison(rows, continued)


def _row(entry: Entry, table: pa.Table, kind: Kind, probes: Sequence[Probe]) -> Row:
    task = task_of(entry.model, kind)
    stream = task.encode(table, kind, entry.tokenizer, files.scratch())
    measured = task.measure(entry.model, entry.tokenizer, stream).to_json()
    tensors = [*entry.model.parameters(), *entry.model.buffers()]
    return Row(
        name=entry.name,
        family=entry.family,
        parameters=entry.model.num_parameters(),
        bits_per_byte=measured["bits_per_byte"],
        perplexity=measured["perplexity"],
        accuracy=measured["accuracy"],
        tokens_per_second=measured["tokens_per_second"],
        train_seconds=entry.train_seconds,
        memory_bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        disk_bytes=files.size(entry.folder) if entry.folder else None,
        probes=ask(entry.model, entry.tokenizer, probes) if probes else {},
    )

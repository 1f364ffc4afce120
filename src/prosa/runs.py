"""Where models live: names, folders, and the manifest and card that each run leaves.

Nothing below this room knows about folders of runs. A run's folder is an ordinary Hugging Face
folder plus `prosa.json` (the manifest below) and `README.md` (the model card).
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosa import __version__
from prosa.errors import InputError
from prosa.files import restore
from prosa.i18n import _

if TYPE_CHECKING:
    import pyarrow as pa

RUNS = Path("runs")
MANIFEST = "prosa.json"
FORMAT = 1
"""The version of the manifest's form; a newer one than this is refused."""


@dataclass(frozen=True)
class Manifest:
    """What `prosa.json` holds.

    Attributes:
        result: The documented keys that `prosa train --json` prints.
        data: Where the data came from, its kind, its fingerprint and the report of its cleaning.
        command: The command line, word by word; empty when trained from Python.
        plan: The plan, as it was shown.
        curve: Points of the loss over the steps.
        created: When training ended, UTC, ISO 8601.
    """

    name: str
    family: str
    result: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    version: str = __version__
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write the manifest and the model card into a run's folder."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
        (folder / "README.md").write_text(card(self), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest | None:
    """A run's manifest; None where the folder holds a model that prosa did not make.

    Raises:
        InputError: The manifest is broken, or of a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] <= FORMAT:
            values.pop("probes", None)  # earlier versions wrote it, always empty
            return Manifest(**values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            _("This manifest cannot be read: {why}").format(why=error),
            path=path,
            hint=_("Remove the file: the model itself does not need it"),
        ) from error
    raise InputError(
        _("This run was made by a newer prosa"),
        path=path,
        hint=_("Upgrade with: pip install --upgrade prosa"),
    )


def slug(text: str) -> str:
    """A name that is safe as a folder: lower case, no accents, dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "data"


def default_place(source: str, family: str, root: Path = RUNS) -> Path:
    """`runs/<data>-<family>`, with a number behind it when that is taken."""
    stem = Path(source).name.split(".")[0] if source not in ("-", "") else "stdin"
    base = root / f"{slug(stem)}-{family}"
    place, number = base, 2
    while place.exists():
        place = base.with_name(f"{base.name}-{number}")
        number += 1
    return place


def working_folder(place: Path) -> Path:
    """Where a run keeps its checkpoints until it is done."""
    return place.with_name(place.name + ".training")


def resolve(name: str, root: Path = RUNS) -> str:
    """A run's folder from its path or its name; a GGUF file or a Hugging Face id as it is.

    Raises:
        InputError: There is no such model; the message names those that exist.
    """
    for path in (Path(name), root / name):
        restore(path)
        if path.is_dir():
            return str(path)
    if Path(name).is_file():
        if Path(name).suffix.lower() == ".gguf":
            return name
        raise InputError(
            _("This is a file, not a model"),
            path=name,
            expected=_("the folder that prosa train made, or a .gguf file"),
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith((".", f"{root}/")):
        return name
    known = ", ".join(run.name for run in listing(root)) or _("none yet")
    raise InputError(
        _("There is no model '{name}'").format(name=name),
        expected=_("a run's folder or name; on this disk: {known}").format(known=known),
        hint=_("Train one with: prosa train DATA"),
    )


def newest(root: Path = RUNS) -> Path:
    """The run that ended last.

    Raises:
        InputError: There is no run yet.
    """
    runs = listing(root)
    if not runs:
        raise InputError(
            _("There is no model in the folder '{root}' yet").format(root=root),
            hint=_("Train one with: prosa train DATA"),
        )
    return max(runs, key=lambda run: max(file.stat().st_mtime for file in _told_of(run)))


def listing(root: Path = RUNS) -> list[Path]:
    """The finished runs in a folder, by name."""
    if not root.is_dir():
        return []
    shown = (path for path in root.iterdir() if not path.name.startswith("."))
    return sorted(path for path in shown if _told_of(path))


def _told_of(folder: Path) -> list[Path]:
    """The files that say what a model is, or an adapter."""
    named = (folder / name for name in ("config.json", "adapter_config.json"))
    return [file for file in named if file.is_file()]


def card(manifest: Manifest) -> str:
    """The model card: what the model is, how it was made, how good it is, how to use it."""
    result = manifest.result
    rows = [
        (_("Family"), manifest.family),
        (_("Parameters"), f"{result.get('parameters', 0):,}"),
        (_("Tokenizer"), f"{result.get('tokenizer')} ({result.get('vocabulary')})"),
        (_("Documents"), f"{result.get('documents', 0):,}"),
        (_("Training tokens"), f"{result.get('train_tokens', 0):,}"),
        (_("Steps"), f"{result.get('steps') or 0:,}"),
        (_("Seconds"), f"{result.get('seconds') or 0:.1f}"),
        (_("Training loss (nats per token)"), _number(result.get("train_loss"))),
        (_("Validation loss (nats per token)"), _number(result.get("validation_loss"))),
        (_("Validation perplexity"), _number(result.get("validation_perplexity"))),
        (_("Validation bits per byte"), _number(result.get("validation_bits_per_byte"))),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    source = manifest.data.get("source", "")
    command = " ".join(manifest.command)
    made = f"\n```\n{command}\n```\n" if command else ""
    return (
        f"---\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n\n"
        f"# {manifest.name}\n\n"
        + _("A language model trained with prosa {version} on {source}.").format(
            version=manifest.version, source=f"`{source}`"
        )
        + f"\n{made}\n| | |\n|---|---|\n{table}\n\n"
        + "\n".join(["```", *first_commands(manifest.name, result.get("task")), "```\n\n"])
        + _(
            "It learned from this data alone: it knows nothing else, it may be wrong, "
            "and it may repeat passages of its data."
        )
        + "\n"
    )


def first_commands(name: str, task: str | None) -> list[str]:
    """What to try with a new model."""
    from prosa.tasks.task import task as find  # noqa: PLC0415  takes seconds

    return [line.format(name=name) for line in find(task or "causal").tries]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def fingerprint(*tables: "pa.Table") -> str:
    """A short name for exactly this data, so that two runs can be known to have seen the same.

    It is a hash of rows and columns, the same however the table is cut into chunks on disk.

    Args:
        tables: Read in batches; nothing is loaded whole.

    Returns:
        32 hexadecimal digits (BLAKE2b).
    """
    digest = hashlib.blake2b(digest_size=16)
    for table in tables:
        digest.update(table.schema.remove_metadata().to_string().encode())
        for start in range(0, len(table), 1_000):
            batch = table.slice(start, 1_000).combine_chunks().to_batches()
            for part in batch:
                digest.update(part.serialize())
    return digest.hexdigest()

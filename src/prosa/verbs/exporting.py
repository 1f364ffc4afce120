"""`prosa export`: a run in another program's format."""

from pathlib import Path

from prosa import runs
from prosa.errors import InputError
from prosa.i18n import _

FORMATS = ("arpa",)


def export(
    model: str | Path, to: str, output: str | Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write a model in another format.

    Args:
        model: A run's folder or name.
        to: One of `FORMATS`.
        output: The file; by default the run's name with the format's suffix, here.
        overwrite: Replace an existing file.

    Returns:
        The file written.

    Raises:
        InputError: An unknown format, or a model that the format cannot hold.
    """
    if to not in FORMATS:
        raise InputError(_("--to is {value}").format(value=to), expected=", ".join(FORMATS))
    from prosa.exports import arpa
    from prosa.models.pretrained import load

    folder = runs.resolve(str(model))
    target = Path(output) if output else Path(f"{Path(folder).name}.{to}")
    network, tokenizer = load(folder)
    arpa.export(network, tokenizer, target, overwrite=overwrite)
    return target

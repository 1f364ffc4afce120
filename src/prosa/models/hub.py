"""Models of the Hugging Face hub: as they lie in the local cache, else fetched once.

Only configuration, tokenizer and safetensors are fetched: nothing that could be run.
"""

from pathlib import Path

from prosa.errors import InputError
from prosa.i18n import _

_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
_SECONDS = 10.0
"""How long the hub may take to say whether it has a model; without a network it fails at once."""


def fetch(name: str) -> Path:
    """The folder of a model of the hub.

    Raises:
        InputError: It is in no cache and the hub cannot be reached, or does not have it.
    """
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415  takes a second
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        if any((cached / file).is_file() for file in ("config.json", "adapter_config.json")):
            return cached
    except LocalEntryNotFoundError:
        pass
    try:
        # One question first: a download retries for a minute where there is no network.
        files = [
            file.rfilename for file in HfApi().model_info(name, timeout=_SECONDS).siblings or ()
        ]
    except Exception as error:  # the hub's client raises whatever its own client does
        answered = isinstance(error, HfHubHTTPError)
        why = str(error).strip().splitlines()[0] if answered else _("there is no network")
        raise InputError(
            _("there is no folder {name}, and no such model came from the hub: {what}").format(
                name=name, what=why
            ),
            hint=_(
                "Check the name; without a network, download the folder elsewhere "
                "(https://huggingface.co/{name}), bring it here and give its path."
            ).format(name=name),
        ) from error
    if not any(file.endswith(".safetensors") for file in files):
        raise InputError(
            _("the model {name} of the hub has no weights as safetensors").format(name=name),
            hint=_("Take another one, or ask who made it for safetensors."),
        )
    return Path(snapshot_download(name, allow_patterns=_WANTED))

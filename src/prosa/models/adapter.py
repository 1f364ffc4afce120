"""Adapters: small matrices beside the frozen ones of a model (LoRA, Hu et al. 2021; PEFT).

A model that is being taught carries its adapter inside and is saved as the adapter alone, which
names its base; one that is loaded for use has it merged into its weights.
"""

from pathlib import Path
from typing import Any, cast

from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.extras import quiet
from prosa.i18n import _
from prosa.models import folder as folders

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
RANK = 16
"""Of the matrices, on every linear layer; the usual choice, which costs a hundredth of a step."""


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no model."""
    whole = any((folder / name).is_file() for name in (folders.WEIGHTS, folders.INDEX))
    return (folder / CONFIG).is_file() and not whole


def base_of(folder: Path) -> str:
    """The model that an adapter was made for: a folder, beside it too, or an id of the hub.

    Raises:
        InputError: It does not say, or its base is not there any more.
    """
    base = folders.read_json(folder / CONFIG).get("base_model_name_or_path")
    if not base:
        raise InputError(
            _("these are weights to add to another model, not a model, and do not say to which"),
            path=folder / CONFIG,
            expected='"base_model_name_or_path"',
        )
    beside = folder.parent / Path(base).name
    if not Path(base).exists() and beside.is_dir():
        return str(beside)
    if not Path(base).exists() and Path(base).is_absolute():
        raise InputError(
            _("the model that this adapter was made for is not there any more: {base}").format(
                base=base
            ),
            path=folder,
            hint=_(
                'Put it there or beside the adapter, or change "base_model_name_or_path" in {file}'
            ).format(file=CONFIG),
        )
    return str(base)


def begin(model: PreTrainedModel, rank: int = RANK) -> None:
    """Freeze a model and put fresh adapters beside all its linear layers, but for the output's.

    They change nothing at first.

    Raises:
        InputError: It has no linear layers.
    """
    from peft import LoraConfig, inject_adapter_in_model  # noqa: PLC0415  a second

    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        base_model_name_or_path=model.name_or_path,
        auto_mapping={"base_model_class": type(model).__name__},
    )
    try:
        with quiet():
            inject_adapter_in_model(config, model)
    except ValueError as error:
        raise InputError(
            _("A model of the kind {model} takes no adapter: {why}").format(
                model=type(model).__name__, why=folders.first_line(error)
            ),
            hint=_("Teach all of it, with --full"),
        ) from error


def carries_one(model: PreTrainedModel) -> bool:
    """Whether a model carries an adapter that is not merged into it."""
    return hasattr(model, "peft_config")


def save(model: Any, folder: Path) -> None:
    """Write the adapter that a model carries."""
    from peft import get_peft_model_state_dict  # noqa: PLC0415  a second
    from safetensors.torch import save_file  # noqa: PLC0415

    weights = get_peft_model_state_dict(model)
    whole = {f"base_model.model.{name}": value.contiguous() for name, value in weights.items()}
    save_file(whole, folder / WEIGHTS, metadata={"format": "pt"})
    config = model.peft_config["default"]
    config.inference_mode = True
    config.save_pretrained(str(folder))
    config.inference_mode = False


def merged(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """A model with an adapter's weights added to its own.

    Raises:
        InputError: The adapter is damaged, a pickle, or was made for another model.
    """
    from peft import PeftModel  # noqa: PLC0415  a second

    path = folder / WEIGHTS
    if not path.is_file():
        for pickled in sorted(folder.glob("*.bin")):
            folders.refuse_pickle(pickled)
        raise folders.incomplete(path, _("the weights are missing"))
    folders.check_weights(path)
    told = folders.read_json(folder / CONFIG).get("auto_mapping") or {}
    # Another architecture's matrices may have the same names and shapes.
    if told.get("base_model_class", type(model).__name__) != type(model).__name__:
        raise _other_model(model, folder, told["base_model_class"])
    try:
        with quiet():
            both: Any = PeftModel.from_pretrained(
                cast(Any, model), str(folder), local_files_only=True
            )
            whole: PreTrainedModel = both.merge_and_unload()
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise _other_model(model, folder, folders.first_line(error)) from error
    return whole


def _other_model(model: PreTrainedModel, folder: Path, what: str) -> InputError:
    return InputError(
        _("this adapter was made for another model than {base}: {what}").format(
            base=model.name_or_path, what=what
        ),
        path=folder,
        hint=_("Give it the model that it was trained on"),
    )

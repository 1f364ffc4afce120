"""A model and its tokenizer: saved as a Hugging Face folder, loaded from one or from the hub.

Nothing in a folder is ever executed: our families load through the classes installed here, others
through transformers' own, and weights only as safetensors. What is wrong with a folder is found
before transformers reads it, since its own errors speak of something else.

For a family of ours a saved folder also gets the family's file and those it imports, and `auto_map`
in `config.json` says where they are; `transformers` does both, because the classes are registered
for its auto classes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

import torch
import transformers
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from prosa.errors import InputError
from prosa.extras import quiet
from prosa.i18n import _
from prosa.models.registry import CAUSAL, family_of

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# A pickle of protocol 2 to 5, and the zip archive around the pickle that torch.save writes.
_PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
_AUTO = {
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
}
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


class Loaded(NamedTuple):
    """A model, in evaluation mode, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def auto_class(config: Mapping[str, Any]) -> str:
    """The auto class of transformers that builds what a `config.json` tells of."""
    for name in config.get("architectures") or ():
        for ending, auto in _AUTO.items():
            if name.endswith(ending):
                return auto
    return CAUSAL


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """Write everything that a model needs in order to be used elsewhere.

    The folder then holds `config.json`, `model.safetensors`, `generation_config.json`,
    `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` where the tokenizer has one,
    and the family's own files. It is not made whole or nothing here: the caller sees to that.
    """
    model.config.tokenizer_hash = _hash(tokenizer)
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """A short name for a vocabulary, without tokens that were added later."""
    words = tokenizer.get_vocab()  # type: ignore[no-untyped-call]
    known = sorted((i, word) for word, i in words.items() if i < tokenizer.vocab_size)
    return hashlib.blake2b(json.dumps(known).encode(), digest_size=8).hexdigest()


def load(source: str | Path) -> Loaded:
    """Load a model for use: float32 weights, evaluation mode, on a GPU if there is one.

    An n-gram stays on the processor: it looks up and multiplies nothing.

    Args:
        source: A folder written by `save`, or by anything in the Hugging Face format; else the id
            of a model on the hub.

    Raises:
        InputError: There is no such model, a file is missing or damaged, the weights are pickled or
            do not fit the configuration, or the model wants to run code of its own.
    """
    folder = Path(source).expanduser()
    if folder.exists() and not folder.is_dir():
        _refuse_file(folder)
    if not folder.is_dir() and not _HUB_ID.fullmatch(str(source)):
        raise InputError(_("there is no such model folder"), path=source)
    loaded = _load_folder(folder) if folder.is_dir() else _load_from_hub(str(source))
    known = family_of(loaded.model.config.to_dict())
    if torch.cuda.is_available() and not (known and known.learning == "count"):
        cast(torch.nn.Module, loaded.model).to("cuda")
    return loaded


def _load_folder(folder: Path) -> Loaded:
    config = _check_folder(folder)
    with quiet():
        model = _load_model(folder, config)
        tokenizer = _load_tokenizer(folder)
    words, wrong = model.config.get_text_config().vocab_size, ""
    if len(tokenizer) > words:
        wrong = _("the tokenizer has {tokens} tokens, but the model knows {words}").format(
            tokens=len(tokenizer), words=words
        )
    elif config.get("tokenizer_hash") not in (None, _hash(tokenizer)):
        wrong = _("the tokenizer is not the one that this model was trained with")
    if wrong:
        hint = _("Its files come from different models; copy the whole folder again.")
        raise InputError(wrong, path=folder, hint=hint)
    return Loaded(model, tokenizer)


def _check_folder(folder: Path) -> dict[str, Any]:
    """Look at every file of a model folder; return what config.json says."""
    config = _read_json(folder / CONFIG)
    for name in ("generation_config.json", "tokenizer_config.json", "tokenizer.json"):
        if (folder / name).exists():
            _read_json(folder / name)
    if "model_type" not in config:
        raise InputError(
            _("it does not say what kind of model this is"),
            path=folder / CONFIG,
            expected='"model_type"',
        )
    for path in _weight_files(folder):
        _check_weights(path)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise _incomplete(folder / "tokenizer.json", _("the tokenizer is missing"))
    return config


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise _incomplete(path, _("the file is missing, so this is not a whole model"))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        what = _("the file is damaged: {what}").format(what=error.msg)
        raise _incomplete(path, what, line=error.lineno, column=error.colno) from error
    except UnicodeDecodeError as error:
        raise _incomplete(path, _("the file is damaged: it is not UTF-8")) from error
    if not isinstance(content, dict):
        raise _incomplete(path, _("the file is damaged"), expected="{...}")
    return content


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        names = _read_json(folder / INDEX).get("weight_map", {}).values()
        shards = [folder / name for name in sorted(set(names))]
        for shard in shards:
            if not shard.is_file():
                raise _incomplete(shard, _("a part of the weights is missing"))
        return shards
    for path in sorted(folder.iterdir()):
        if path.suffix in _PICKLES and path.name != "training_args.bin":
            _refuse_pickle(path)
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            _("these are weights to add to another model, not a model"),
            path=folder,
            hint=_("Merge them into the model they were trained on, and load that."),
        )
    raise _incomplete(folder / WEIGHTS, _("the weights are missing"))


def _check_weights(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(_PICKLED):
        _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as weights:
            empty = not weights.keys()
    except (SafetensorError, OSError, ValueError) as error:
        what = _("the weights are damaged or cut off ({what})").format(what=error)
        raise _incomplete(path, what) from error
    if empty:
        raise _incomplete(path, _("there are no weights in it"))


def _load_model(folder: Path, config: dict[str, Any]) -> PreTrainedModel:
    family = family_of(config)  # which also makes our classes known to transformers
    model_class = getattr(transformers, auto_class(config))
    try:
        model, report = model_class.from_pretrained(
            str(folder),
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            _("the model cannot be built as it is described: {what}").format(what=_first(error)),
            path=folder / CONFIG,
            hint=_("Restore the file as it was saved with the weights."),
        ) from error
    except RuntimeError as error:
        _misfit(folder, _first(error), error)
    wrong = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
    if wrong:
        _misfit(folder, ", ".join(map(str, wrong[:3])))
    for parameter in model.parameters():
        # The matrix kernels choose their path by alignment: mapped from odd addresses, a model's
        # logits differ in the last bit from those of the model that was saved.
        if parameter.data_ptr() % 64:
            parameter.data = parameter.data.clone()
    return family.finish(model) if family else model


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the tokenizers library raises bare Exception for a bad file
        what = _("the tokenizer cannot be read: {what}").format(what=_first(error))
        raise _incomplete(folder / "tokenizer.json", what) from error


def _load_from_hub(name: str) -> Loaded:
    try:
        with quiet():
            config = AutoConfig.from_pretrained(name, trust_remote_code=False)
            model = getattr(transformers, auto_class(config.to_dict())).from_pretrained(
                name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            )
            return Loaded(model, AutoTokenizer.from_pretrained(name, trust_remote_code=False))
    except (OSError, ValueError) as error:
        raise InputError(
            _("there is no folder {name}, and no such model came from the hub: {what}").format(
                name=name, what=_first(error)
            ),
            hint=_("Check the name; without a network only models on this disk can be loaded."),
        ) from error


def _refuse_file(path: Path) -> NoReturn:
    with path.open("rb") as file:
        if path.suffix in _PICKLES or file.read(4).startswith(_PICKLED):
            _refuse_pickle(path)
    raise InputError(
        _("this is a file, not a model"), path=path, expected=_("the folder of a model")
    )


def _refuse_pickle(path: Path) -> NoReturn:
    raise InputError(
        _("these weights are pickled, and a pickle can run any program when it is opened"),
        path=path,
        expected=WEIGHTS,
        hint=_("Ask who made the model for safetensors, or convert it on a machine you can lose."),
    )


def _misfit(folder: Path, what: str, cause: Exception | None = None) -> NoReturn:
    raise InputError(
        _("the weights do not fit the configuration: {what}").format(what=what),
        path=folder / WEIGHTS,
        hint=_(
            "{config} and the weights come from different models; copy the whole folder again."
        ).format(config=CONFIG),
    ) from cause


def _incomplete(path: Path, what: str, **where: Any) -> InputError:
    hint = _("Copy the whole folder again, or train the model again.")
    return InputError(what, path=path, hint=hint, **where)


def _first(error: BaseException) -> str:
    """The first line of a message: the rest of a library's advice is about itself."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

"""A model and its tokenizer: saved as a Hugging Face folder, loaded from whatever holds one.

That is a run, any folder in the Hugging Face format, an adapter's folder, a GGUF file, or the id of
a model on the hub. Nothing in a folder is ever executed: our families load through the classes
installed here, others through transformers' own, and weights only as safetensors.

For a family of ours a saved folder also gets the family's file and those it imports, and `auto_map`
in `config.json` says where they are; `transformers` does both, because the classes are registered
for its auto classes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

import torch
import transformers
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from prosa.errors import InputError
from prosa.extras import quiet
from prosa.i18n import _
from prosa.models import adapter as adapters
from prosa.models import dtype as dtypes
from prosa.models import folder as folders
from prosa.models import gguf, hub, plain_chat
from prosa.models.registry import CAUSAL, family_of

SEQ2SEQ, MASKED, BODY = "AutoModelForSeq2SeqLM", "AutoModelForMaskedLM", "AutoModel"
AUTO = {
    "causal": CAUSAL,
    "seq2seq": SEQ2SEQ,
    "denoising": SEQ2SEQ,
    "masked": MASKED,
    "labels": "AutoModelForSequenceClassification",
    "spans": "AutoModelForQuestionAnswering",
    "body": BODY,
}
"""The auto class of transformers that builds a model for a task; "body" is one without a head."""
HEADS = (AUTO["labels"], AUTO["spans"])
"""What any body may be given to learn a task that it was not made for."""
_WRITING = (CAUSAL, SEQ2SEQ)
_ENDINGS = {
    "ForMaskedLM": MASKED,
    "ForPreTraining": MASKED,
    "ForConditionalGeneration": SEQ2SEQ,
    "ForSequenceClassification": AUTO["labels"],
    "ForQuestionAnswering": AUTO["spans"],
    "LMHeadModel": CAUSAL,
    "Model": BODY,
}
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HARMLESS = re.compile(r"position_ids|masked_bias|inv_freq|pooler")
"""Weights of a body that checkpoints have or lack without harm."""

Say = Callable[[str], None]


class Loaded(NamedTuple):
    """A model, in evaluation mode, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def auto_class(config: Mapping[str, Any]) -> str:
    """The auto class of transformers that builds what a `config.json` tells of."""
    for name in config.get("architectures") or ():
        for ending, auto in _ENDINGS.items():
            if name.endswith(ending):
                if auto == SEQ2SEQ and config.get("is_encoder_decoder") is False:
                    return CAUSAL  # one that reads pictures too
                # BART's base has the whole model but for a head, which is the word table.
                return SEQ2SEQ if auto == BODY and config.get("is_encoder_decoder") else auto
    return CAUSAL


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """Write everything that a model needs in order to be used elsewhere.

    The folder then holds `config.json`, `model.safetensors`, `generation_config.json`,
    `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` where the tokenizer has one,
    and the family's own files; of a model with an adapter, the adapter alone, which names its base.
    It is not made whole or nothing here: the caller sees to that.
    """
    model.config.tokenizer_hash = _hash(tokenizer)
    with quiet():
        if adapters.carries_one(model):
            adapters.save(model, Path(folder))
        else:
            model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """A short name for a vocabulary, without tokens that were added later."""
    words = tokenizer.get_vocab()  # type: ignore[no-untyped-call]
    known = sorted((i, word) for word, i in words.items() if i < tokenizer.vocab_size)
    return hashlib.blake2b(json.dumps(known).encode(), digest_size=8).hexdigest()


def load(
    source: str | Path,
    task: str | None = None,
    *,
    device: str = "auto",
    dtype: str = "auto",
    adapter: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    say: Say = lambda _text: None,
) -> Loaded:
    """Load a model for use, in evaluation mode.

    Args:
        source: A folder written by `save`, or by anything in the Hugging Face format; an adapter's
            folder, which names its base; a GGUF file; else the id of a model on the hub.
        task: What it is wanted for, a key of `AUTO`; None: what it was made for. Where it was made
            for something else it gets a new head, and `say` hears of it.
        device: "cpu", "cuda" …; "auto" is a GPU if there is one. An n-gram stays on the processor:
            it looks up and multiplies nothing.
        dtype: "float32", "bfloat16", or "int4" on a GPU; "auto" keeps the bfloat16 of a checkpoint
            where this machine is faster with it, and is float32 otherwise.
        adapter: The folder of an adapter to merge into it.
        settings: Of the configuration, such as {"num_labels": 3}.
        say: Hears what there is to know, in sentences, translated.

    Raises:
        InputError: There is no such model, a file is missing or damaged, the weights are pickled or
            do not fit the configuration or the memory, the model cannot do the task, or it wants to
            run code of its own.
    """
    folder = place(source, say)
    if adapter is None and adapters.is_adapter(folder):
        source, adapter = adapters.base_of(folder), folder
        folder = place(source, say)
    model = _load_model(folder, task, dtype, dict(settings or {}), say)
    # What is saved later must say where its base is: a path that holds in any folder, or an id.
    model.name_or_path = str(folder.resolve() if Path(source).exists() else source)
    home = folder
    if adapter is not None:
        home = Path(adapter)
        model = adapters.merged(model, home)
    tokenizer = _load_tokenizer(home if _has_tokenizer(home) else folder)
    _check_tokenizer(model, tokenizer, folder)
    if family_of(described(model)) is None:
        plain_chat.complete(model, tokenizer, writes=auto_class(described(model)) == CAUSAL)
    if (wanted := _device(model, device)) != "cpu":
        cast(torch.nn.Module, model).to(wanted)
    return Loaded(model.eval(), tokenizer)


def place(source: str | Path, say: Say = lambda _text: None) -> Path:
    """The folder of a model: itself, what a GGUF file was converted to, or the hub's in its cache.

    Raises:
        InputError: There is none.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        if gguf.is_gguf(folder):
            return gguf.converted(folder, say)
        folders.refuse_file(folder)
    if not _HUB_ID.fullmatch(str(source)):
        raise InputError(_("there is no such model folder"), path=source)
    return hub.fetch(str(source))


def described(model: PreTrainedModel) -> dict[str, Any]:
    """A model's configuration as `config.json` has it, with the class that it is now."""
    return {**model.config.to_dict(), "architectures": [type(model).__name__]}


def _device(model: PreTrainedModel, asked: str) -> str:
    known = family_of(described(model))
    if known and known.learning == "count":
        return "cpu"
    return asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def _load_model(
    folder: Path, task: str | None, dtype: str, settings: dict[str, Any], say: Say
) -> PreTrainedModel:
    config, parameters = folders.check(folder)
    family = family_of(config)  # which also makes our classes known to transformers
    if family is None and config["model_type"] not in transformers.CONFIG_MAPPING:
        _refuse_unknown(folder, config)
    made_for = auto_class(config)
    auto = AUTO[task] if task else made_for
    if auto in _WRITING and made_for not in (auto, BODY):
        _refuse_task(folder, config, auto)
    if dtype == "int4":
        settings["quantization_config"], dtype = dtypes.four_bits(), "bfloat16"
    kind = dtypes.chosen(dtype, config)
    folders.check_memory(folder, parameters, kind.itemsize)
    labels = settings.get("id2label")
    known = config.get("id2label") or range(2)  # as many as it has where it does not say
    other = auto != made_for or (labels is not None and len(labels) != len(known))
    model, report = _built(
        folder, config, auto, kind, ignore_mismatched_sizes=other or bool(settings), **settings
    )
    begun, wrong = _begun(model, report, own=family is not None, head=other)
    if wrong:
        if other:
            _refuse_task(folder, config, auto)
        folders.misfit(folder, wrong)
    if begun:
        say(
            _("{name}: this head is new and knows nothing before it is trained: {head}").format(
                name=folder.name, head=begun
            )
        )
    for parameter in model.parameters():
        # The matrix kernels choose their path by alignment: mapped from odd addresses, a model's
        # logits differ in the last bit from those of the model that was saved.
        if parameter.data_ptr() % 64:
            parameter.data = parameter.data.clone()
    return family.finish(model) if family else model


def _built(
    folder: Path, config: dict[str, Any], auto: str, kind: torch.dtype, **settings: Any
) -> tuple[PreTrainedModel, Mapping[str, Any]]:
    """What an auto class makes of a folder, and transformers' report of the weights."""
    try:
        with quiet():
            return getattr(transformers, auto).from_pretrained(  # type: ignore[no-any-return]
                str(folder),
                dtype=kind,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                trust_remote_code=False,
                **settings,
            )
    except (ValueError, TypeError, KeyError) as error:
        if "Unrecognized configuration class" in str(error):
            _refuse_task(folder, config, auto)
        raise InputError(
            _("the model cannot be built as it is described: {what}").format(
                what=folders.first_line(error)
            ),
            path=folder / folders.CONFIG,
            hint=_("Restore the file as it was saved with the weights."),
        ) from error
    except RuntimeError as error:
        folders.misfit(folder, folders.first_line(error), error)


def _begun(
    model: PreTrainedModel, report: Mapping[str, Any], *, own: bool, head: bool
) -> tuple[str, str]:
    """Names of weights of a head that no file had, and of those that are at fault.

    Args:
        model: Built from them.
        report: transformers' own, of what was missing, left over and of another shape.
        own: A model of ours is saved whole, with nothing left over.
        head: Whether it has another head than the model that was saved.
    """
    resized = {name for name, *_ in report["mismatched_keys"]}
    changed = {*report["missing_keys"], *resized}
    read = {name.partition(".")[0] for name in model.state_dict() if name not in changed}

    def in_body(name: str) -> bool:
        if name.startswith(f"{model.base_model_prefix}."):
            return True
        return name.partition(".")[0] in read and name not in resized  # a head for other labels

    wrong = [name for name in changed if in_body(name) or not head]
    if not head:
        wrong += [name for name in report["unexpected_keys"] if own or in_body(name)]
    wrong = [name for name in wrong if own or not _HARMLESS.search(name)]
    begun = [name for name in changed if not in_body(name)]
    return ", ".join(sorted(begun)[:3]), ", ".join(sorted(wrong)[:3])


def _refuse_unknown(folder: Path, config: Mapping[str, Any]) -> NoReturn:
    code = sorted(path.name for path in folder.glob("*.py"))
    if "auto_map" not in config and not code:
        raise InputError(
            _("the model cannot be built as it is described: {what}").format(
                what=f'"model_type": "{config["model_type"]}"'
            ),
            path=folder / folders.CONFIG,
            hint=_("A newer transformers may know it: pip install --upgrade transformers"),
        )
    raise InputError(
        _("the model cannot be built without code that comes with it, and such code is never run"),
        path=folder / (code[0] if code else folders.CONFIG),
        hint=_("Take a model of an architecture that transformers has itself."),
    )


def _refuse_task(folder: Path, config: Mapping[str, Any], auto: str) -> NoReturn:
    made = ", ".join(config.get("architectures") or [str(config["model_type"])])
    raise InputError(
        _("a model of the kind {made} cannot do this: it needs {wanted}").format(
            made=made, wanted=auto
        ),
        path=folder,
        hint=_("Take a checkpoint that was made for it."),
    )


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in folders.TOKENIZERS)


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=False, local_files_only=True
            )
    except Exception as error:  # the tokenizers library raises bare Exception for a bad file
        what = _("the tokenizer cannot be read: {what}").format(what=folders.first_line(error))
        raise folders.incomplete(folder / "tokenizer.json", what) from error


def _check_tokenizer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> None:
    words, wrong = model.config.get_text_config().vocab_size, ""
    # Gemma's tokenizer has a sign for pictures that its models of text do not know.
    own = family_of(described(model)) is not None
    tokens = len(tokenizer) if own else tokenizer.vocab_size
    if tokens > words:
        wrong = _("the tokenizer has {tokens} tokens, but the model knows {words}").format(
            tokens=tokens, words=words
        )
    elif (hash_ := getattr(model.config, "tokenizer_hash", None)) and hash_ != _hash(tokenizer):
        wrong = _("the tokenizer is not the one that this model was trained with")
    if wrong:
        hint = _("Its files come from different models; copy the whole folder again.")
        raise InputError(wrong, path=folder, hint=hint)

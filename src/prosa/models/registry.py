"""The families of language models by name, and how their models come into being.

A family is one file and one line here. torch and transformers are imported when a family is asked
for, not before: the command line reads the names from `REGISTRY`.
"""

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.family import Family, Sizes, SpecialIds
from prosa.models.sizes import complete

if TYPE_CHECKING:
    from transformers import PreTrainedModel

REGISTRY: dict[str, str] = {
    "ngram": "prosa.models.ngram:NGRAM",
    "rnn": "prosa.models.recurrent:RNN",
    "lstm": "prosa.models.recurrent:LSTM",
    "gru": "prosa.models.recurrent:GRU",
    "seq2seq": "prosa.models.seq2seq:SEQ2SEQ",
    "decoder": "prosa.models.transformer:DECODER",
    "encoder": "prosa.models.transformer:ENCODER",
    "encoder-decoder": "prosa.models.transformer:ENCODER_DECODER",
}
"""Where each family is declared, in the order of the ladder."""
FOREIGN = {"pretrained": "prosa.models.foreign:PRETRAINED"}
"""What is never made, only taught further."""
CAUSAL = "AutoModelForCausalLM"


def check_name(name: str) -> None:
    """Say at once that there is no such family.

    Raises:
        InputError: With the names that there are.
    """
    if name not in REGISTRY and name not in FOREIGN:
        raise InputError(
            _("there is no family {name}").format(name=name), expected=", ".join(REGISTRY)
        )


def family(name: str) -> Family:
    """A family by name; its own models are then known to transformers' auto classes.

    Raises:
        InputError: There is none of this name.
    """
    check_name(name)
    module, _colon, attribute = {**FOREIGN, **REGISTRY}[name].partition(":")
    found: Family = getattr(importlib.import_module(module), attribute)
    if found.own:
        import transformers  # noqa: PLC0415  takes seconds

        config: Any = found.config
        transformers.AutoConfig.register(config.model_type, config, exist_ok=True)
        for auto, model in found.own.items():
            getattr(transformers, auto).register(config, model, exist_ok=True)
    return found


def family_of(config: Mapping[str, Any]) -> Family | None:
    """The family of a `config.json`, or None where it was not made here."""
    for name in REGISTRY:
        known = family(name)
        same = all(config.get(key) == value for key, value in known.fixed.items())
        same = same and all(mark in config for mark in known.marks)
        if getattr(known.config, "model_type", "") == config.get("model_type") and same:
            return known
    return None


def build(
    family: Family,
    sizes: Sizes,
    vocabulary: int,
    ids: SpecialIds,
    auto: str = CAUSAL,
    classes: Sequence[str] = (),
) -> "PreTrainedModel":
    """A model with fresh weights that knows where to stop, made by an auto class of transformers.

    `classes` are the labels that a classifier gives.

    Raises:
        InputError: Sizes that the family does not take, or that do not fit together.
    """
    import transformers  # noqa: PLC0415  takes seconds

    config = _configured(family, sizes, vocabulary, ids, classes)
    return stop_at(family.finish(getattr(transformers, auto).from_config(config)), ids)


def count(
    family: Family,
    stream: Any,
    sizes: Sizes,
    vocabulary: int,
    ids: SpecialIds,
    auto: str = CAUSAL,
) -> "PreTrainedModel":
    """A model of the counts of documents.

    `stream` has their token ids, one after another; offsets, which say where each document starts
    and where the last one ends; and the classes that a classifier gives.

    Raises:
        InputError: As `build`.
    """
    config = _configured(family, sizes, vocabulary, ids, stream.classes)
    model: Any = family.own[auto]
    return stop_at(model.count(stream.tokens, stream.offsets, config), ids)


def _configured(
    family: Family, sizes: Sizes, vocabulary: int, ids: SpecialIds, classes: Sequence[str]
) -> Any:
    """A configuration; what the family itself finds wrong with the sizes is the person's to know.

    Raises:
        InputError: As `build`.
    """
    whole = complete(family, sizes)
    try:
        config = family.configure(whole, vocabulary, ids)
    except ValueError as error:
        raise InputError(
            _("The family {family} cannot be made like this: {why}").format(
                family=family.name, why=error
            ),
            hint=_("Leave the flag away, or give another value"),
        ) from error
    config.update(label_settings(classes))
    return config


def label_settings(classes: Sequence[str]) -> dict[str, Any]:
    """What the configuration of a classifier says of its labels; nothing where there are none."""
    if not classes:
        return {}
    return {
        "id2label": dict(enumerate(classes)),
        "label2id": {label: number for number, label in enumerate(classes)},
        "problem_type": "single_label_classification",
    }


def stop_at(model: "PreTrainedModel", ids: SpecialIds) -> "PreTrainedModel":
    """Set where the model's `generate` begins, pads and stops."""
    from transformers import GenerationConfig  # noqa: PLC0415  takes seconds

    stop = ids.stop
    model.generation_config = GenerationConfig(
        pad_token_id=ids.pad,
        bos_token_id=ids.bos,
        eos_token_id=stop[0] if len(stop) == 1 else stop or None,
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None),
    )
    return model


def start_from_frequencies(model: "PreTrainedModel", counts: Any) -> "PreTrainedModel":
    """Let a fresh model begin with the frequency of each word as its guess.

    The output layer's bias becomes the logarithm of the frequencies; a model without such a bias
    (the decoder) stays as it is. On 1,250 headlines an LSTM came to 1.29 nats in 8 passes, and
    without this to 2.21.

    Args:
        model: A model that has not been trained.
        counts: How often each word of the vocabulary is predicted in the training data [V].
    """
    import torch  # noqa: PLC0415  takes seconds

    head: Any = model.get_output_embeddings()
    if getattr(head, "bias", None) is not None:
        # A tenth of a count for a word that never comes keeps its logarithm finite.
        shares = torch.as_tensor(counts, dtype=torch.float64) + 0.1
        with torch.no_grad():
            head.bias.copy_((shares / shares.sum()).log())
    return model


class Estimate(NamedTuple):
    """What a model will cost, known without making its weights.

    `flops_per_token` are the operations of one training token, forward and backward: 6 a weight
    that is multiplied, and the attention over a full context. Looking up a table costs nothing.
    """

    parameters: int
    flops_per_token: int


@cache
def estimate(name: str, sizes: Sizes, vocabulary: int, auto: str = CAUSAL) -> Estimate:
    """What a model of these sizes costs; nothing is known before counting an n-gram."""
    import torch  # noqa: PLC0415  takes seconds

    known = family(name)
    if known.learning == "count":
        return Estimate(parameters=0, flops_per_token=0)
    sizes = complete(known, sizes)
    with torch.device("meta"):
        model = build(known, sizes, vocabulary, SpecialIds(pad=0, bos=1, eos=2), auto)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    looked_up: Any = model.get_input_embeddings().weight
    multiplied = sum(parameter.numel() for parameter in model.parameters() if parameter.dim() == 2)
    head: Any = model.get_output_embeddings()
    if head is None or head.weight is not looked_up:
        multiplied -= looked_up.numel()
    attention = 0
    if sizes.heads:
        # Scores and their sums: 2 products of context x width a layer, half of it masked.
        attention = 6 * (sizes.layers or 1) * (sizes.context or 1) * (sizes.hidden_size or 1)
    return Estimate(parameters=parameters, flops_per_token=6 * multiplied + attention)

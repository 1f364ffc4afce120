"""A model and its tokenizer as a Hugging Face folder that plain transformers loads.

safetensors only. For a family of ours the folder also gets the family's file and those it imports,
and `auto_map` in `config.json` says where they are; `transformers` does both on saving, because the
classes are registered for its auto classes.
"""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prosa.extras import quiet
from prosa.models.families import SpecialIds, stop_at


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """Write everything that a model needs in order to be used elsewhere.

    The folder then holds `config.json`, `model.safetensors`, `generation_config.json`,
    `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` where the tokenizer has one,
    and the family's own files. It is not made whole or nothing here: the caller sees to that. The
    tokenizer, the one that the model was trained with, says where generation stops.
    """
    stop_at(model, SpecialIds.of(tokenizer))
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

"""A model and its tokenizer as a Hugging Face folder that plain transformers loads.

safetensors only. For a family of ours the folder also gets the family's file and those it imports,
and `auto_map` in `config.json` says where they are; `transformers` does both on saving, because the
classes are registered for its auto classes.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from prosa.models.families import SpecialIds, stop_at


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """Write everything that a model needs in order to be used elsewhere.

    The folder then holds `config.json`, `model.safetensors`, `generation_config.json`,
    `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` where the tokenizer has one,
    and the family's own files. It is not made whole or nothing here: the caller sees to that.

    Args:
        model: Any of the families, or another model of transformers.
        tokenizer: The tokenizer it was trained with; it says where generation stops.
        folder: Made if it is not there.
    """
    stop_at(model, SpecialIds.of(tokenizer))
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and reports off the screen while it saves or loads."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()

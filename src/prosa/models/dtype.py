"""The type of numbers that a model's weights are loaded in."""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import torch
import transformers

from prosa.errors import InputError
from prosa.extras import need
from prosa.i18n import _


def chosen(asked: str, config: Mapping[str, Any]) -> torch.dtype:
    """The type of numbers that weights are loaded in."""
    if asked != "auto":
        return cast(torch.dtype, getattr(torch, asked))
    texts = config.get("text_config") or {}
    saved = [part.get(key) for part in (config, texts) for key in ("dtype", "torch_dtype")]
    return torch.bfloat16 if "bfloat16" in saved and bfloat16_is_faster() else torch.float32


def four_bits() -> Any:
    """How bitsandbytes packs weights (Dettmers et al. 2023, QLoRA).

    Raises:
        InputError: There is no GPU, or no bitsandbytes.
    """
    if not torch.cuda.is_available():
        raise InputError(
            _("Weights in 4 bits are taught on a GPU only, and there is none"),
            hint=_("Leave --four-bit away: --lora keeps them in 16 bits"),
        )
    need("bitsandbytes", "four-bit")
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
    )


@cache
def bfloat16_is_faster() -> bool:
    """Whether this machine multiplies bfloat16 faster, a token at a time; measured in 10 ms.

    A processor without instructions for it takes 30 times as long as with float32.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()

    def seconds(dtype: torch.dtype) -> float:
        row, matrix = torch.ones(1, 1024, dtype=dtype), torch.ones(4096, 1024, dtype=dtype)
        times = []
        for _trial in range(5):
            start = time.perf_counter()
            torch.nn.functional.linear(row, matrix)
            times.append(time.perf_counter() - start)
        return min(times)

    return seconds(torch.bfloat16) < seconds(torch.float32)

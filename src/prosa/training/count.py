"""Counting: how an n-gram learns. No descent, no epochs; one pass over the sorted tokens."""

import time
from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.models.families import Family, SpecialIds
from prosa.tokens.examples import TokenStream
from prosa.training.plan import Options


@dataclass(frozen=True)
class Counted:
    """A counted model and the seconds it took."""

    model: PreTrainedModel
    seconds: float


def count(
    family: Family, stream: TokenStream, tokenizer: PreTrainedTokenizerFast, options: Options
) -> Counted:
    """Count a stream of documents into a model."""
    start = time.perf_counter()
    ids = SpecialIds.of(tokenizer)
    model = family.count(stream.tokens, stream.offsets, options.sizes, len(tokenizer), ids)
    return Counted(model, time.perf_counter() - start)

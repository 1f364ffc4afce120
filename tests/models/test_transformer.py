"""What a fresh decoder knows before it has learned anything."""

import pytest
import torch

from prosa.models.families import FAMILIES, SpecialIds
from prosa.models.sizes import Sizes
from prosa.models.transformer import start_copying

IDS = SpecialIds(pad=0, bos=2, eos=3)
VOCABULARY = 1_000


def fresh(**sizes):
    torch.manual_seed(0)
    family = FAMILIES["decoder"]
    chosen = Sizes(**{"context": 32, "layers": 2, "hidden_size": 128, "heads": 2, **sizes})
    return family.build(family.sizes(chosen), VOCABULARY, IDS)


def preference(model):
    """How much likelier a word of the context is than another, in nats."""
    words = torch.randperm(VOCABULARY - 4)[:40] + 4
    seen, others = words[:20], words[20:]
    ids = torch.cat([torch.tensor([2]), seen])[None]
    with torch.no_grad():
        log_p = model(input_ids=ids).logits[0, -1].log_softmax(-1)
    # The last word is where the model stands: its own embedding would say it, copied or not.
    return (log_p[seen[:-1]].mean() - log_p[others].mean()).item()


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_words_of_the_context_can_be_likelier_from_the_start(heads):
    assert preference(start_copying(fresh(heads=heads))) > 1


def test_they_are_not_by_themselves():
    assert abs(preference(fresh())) < 0.1

"""What a model writes while it learns: a story's beginning, or the answer to one question."""

from typing import TYPE_CHECKING, Any

from prosa.data.kinds import Kind

if TYPE_CHECKING:
    from prosa.training.fit import Sampler

_TOKENS = 40


def sampler(kind: Kind, train: Any) -> "Sampler":
    """A function that writes a short sample with a model as it is now.

    Args:
        kind: The kind of data it learns from.
        train: The training table, whose first question is asked; None when a run is resumed.
    """
    from prosa.generation.decode import continue_ids, generate
    from prosa.generation.options import Decoding
    from prosa.tokens import conversation

    decoding = Decoding(max_new_tokens=_TOKENS, temperature=0.7, seed=0)
    turns = None
    if kind is not Kind.TEXT and train is not None and len(train):
        turns = conversation.messages(kind, train.slice(0, 1).to_pylist()[0])

    def write(model: Any, tokenizer: Any) -> str:
        if turns is None or not tokenizer.chat_template:
            return generate(model, tokenizer, "", decoding)
        question = [m for m in turns if m["role"] != "assistant"][:1]
        ids = conversation.prompt(tokenizer, question)
        answer = "".join(continue_ids(model, tokenizer, ids, decoding))
        return f"{question[0]['content']} – {answer}"

    return write

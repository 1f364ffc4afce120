"""Learn a tokenizer from text: characters, words, or subwords.

The result is a plain `PreTrainedTokenizerFast`, which any tool of the ecosystem loads. Encoding
adds neither start nor end; `examples` does, where documents meet.
"""

from collections.abc import Callable, Iterable
from itertools import chain

from transformers import PreTrainedTokenizerFast

from prosa.errors import InputError
from prosa.i18n import _
from prosa.tokens.algorithms import ALGORITHMS
from prosa.tokens.special import CHAT_SPECIAL, CHAT_TEMPLATE, END, PAD, SPECIAL, START, UNKNOWN

_KEY = "algorithm"


def learn(
    texts: Iterable[str] | Callable[[], Iterable[str]],
    algorithm: str,
    vocabulary: int | None = None,
    *,
    conversation: bool = False,
) -> PreTrainedTokenizerFast:
    """Learn a tokenizer.

    Args:
        texts: The training texts, or a function that gives them; read once, never held whole.
        algorithm: "char", "word", "whitespace", "bpe", "unigram" or "wordpiece".
        vocabulary: Tokens at most, the special ones included. None: all characters; all words of
            a small text, the 32,768 most frequent of a large one; all of "whitespace"; and for
            subwords as many as the square root of the characters, from 2,048 to 16,384.
        conversation: Add the tokens that part turns, and the chat template.

    Returns:
        The tokenizer; `<pad> <unk> <s> </s>` have the ids 0 to 3.

    Raises:
        InputError: No such algorithm, no text, or a vocabulary that is too small.
    """
    check(algorithm)
    special = CHAT_SPECIAL if conversation else SPECIAL
    stream = iter(texts() if callable(texts) else texts)
    first = next((text for text in stream if text.strip()), None)
    if first is None:
        raise InputError(_("There is no text to learn tokens from"))
    backend = ALGORITHMS[algorithm](chain([first], stream), vocabulary, special)
    backend.add_special_tokens(list(special))
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=START,
        eos_token=END,
        chat_template=CHAT_TEMPLATE if conversation else None,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
        **{_KEY: algorithm},
    )


def check(algorithm: str) -> None:
    """Say at once that there is no such algorithm.

    Raises:
        InputError: It is not one of `ALGORITHMS`.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(
            _("There is no tokenizer '{name}'").format(name=algorithm),
            expected=", ".join(ALGORITHMS),
        )


def algorithm(tokenizer: PreTrainedTokenizerFast) -> str:
    """What kind of tokenizer this is; for one made elsewhere the library's name of its model."""
    known = tokenizer.init_kwargs.get(_KEY)
    return str(known or type(tokenizer.backend_tokenizer.model).__name__.lower())


def is_ours(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether `learn` made this tokenizer, here or before it was saved."""
    return _KEY in tokenizer.init_kwargs

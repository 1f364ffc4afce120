"""Learn a tokenizer from text: characters, words, or subwords.

The result is a plain `PreTrainedTokenizerFast`, which any tool of the ecosystem loads. Encoding
adds start and end only where the template says so; `examples` does, where documents meet. Each
algorithm takes the texts, the size of the vocabulary or None, and the special tokens, which get the
first ids. The same texts give the same tokenizer, to the byte.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from prosa.errors import InputError
from prosa.extras import threads
from prosa.i18n import _
from prosa.tokens import words
from prosa.tokens.pieces import Sample, blocks, count
from prosa.tokens.special import (
    CHAT_SPECIAL,
    CHAT_TEMPLATE,
    END,
    MASK,
    PAD,
    ROLES,
    SPECIAL,
    START,
    TURN_START,
    UNKNOWN,
)
from prosa.tokens.unigram import train as train_unigram

_KEY = "algorithm"
SAMPLED = 8_000_000
"""Characters that subwords are learned from, at most. Measured on 96 million characters of
Portuguese with 16,384 tokens: twice as many make 0.4% fewer tokens of other text, in twice 4 s."""

SAMPLED_WORDS = 32_000_000
"""Characters that words are counted in, at most."""

_SUBWORDS = (2_048, 16_384)
"""Least and most subwords. With few, a small model spells its words and garbles answers that it
should know by heart: 98 questions and answers, two minutes of a decoder, greedy: with 512 tokens 12
of 20 answers came back whole, with 2,048 19 of 20. Chat on 21 answers: 0 of 21, and with 1,530 all.
"""
SPACED = ("bpe", "unigram")
"""Tokenizers whose words begin with the space before them."""

_WORDS = 32_768
_RARE = 1_000_000
_ALPHABET = 1_000
_COVERED = 0.99

# Llama 3's: llama.cpp and vLLM know it, "-lhe" is one token, so are the line ends of a paragraph;
# measured on Portuguese: 2% to 3% fewer tokens than GPT-2's.
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def learn(
    texts: Iterable[str] | Callable[[], Iterable[str]],
    algorithm: str,
    vocabulary: int | None = None,
    *,
    conversation: bool = False,
    special: Sequence[str] = (),
    template: str | None = None,
) -> PreTrainedTokenizerFast:
    """Learn a tokenizer.

    Args:
        texts: The training texts, or a function that gives them; read once, never held whole.
        algorithm: "char", "word", "whitespace", "bpe", "unigram" or "wordpiece".
        vocabulary: Tokens at most, the special ones included. None: all characters; all words of
            a small text, the 32,768 most frequent of a large one; all of "whitespace"; and for
            subwords as many as the square root of the characters, from 2,048 to 16,384.
        conversation: Add the tokens that part turns, and the chat template.
        special: Further tokens that no text is cut into; `[MASK]` is known as the mask.
        template: What plain `tokenizer(text)` puts around a text, as the library writes it: "$A
            </s>"; a second text follows, and an end. `TextEncoder` adds nothing in any case.

    Returns:
        The tokenizer; `<pad> <unk> <s> </s>` have the ids 0 to 3.

    Raises:
        InputError: No such algorithm, no text, or a vocabulary that is too small.
    """
    check(algorithm)
    special = (*(CHAT_SPECIAL if conversation else SPECIAL), *special)
    stream = iter(texts() if callable(texts) else texts)
    first = next((text for text in stream if text.strip()), None)
    if first is None:
        raise InputError(_("There is no text to learn tokens from"))
    backend = ALGORITHMS[algorithm](chain([first], stream), vocabulary, special)
    backend.add_special_tokens([_added(token, algorithm) for token in special])
    if template is not None:
        put_around(backend, template)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=START,
        eos_token=END,
        mask_token=MASK if MASK in special else None,
        chat_template=CHAT_TEMPLATE if conversation else None,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
        **{_KEY: algorithm},
    )


def put_around(backend: Tokenizer, template: str) -> None:
    """Let plain calls of a tokenizer made here put start and end around a text, as it says."""
    ids = [(token, backend.token_to_id(token)) for token in (START, END)]
    backend.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} $B {END}", special_tokens=ids
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


def _added(token: str, algorithm: str) -> AddedToken:
    """A special token; where words begin with the space before them, the mask does so too."""
    takes_space = token == MASK and algorithm in SPACED
    return AddedToken(token, lstrip=takes_space, normalized=False, special=True)


def char(texts: Iterable[str], vocabulary: int | None, special: Sequence[str]) -> Tokenizer:
    """Every character of the texts is a token, in the order of Unicode."""
    counts: Counter[str] = Counter()
    for text in chain(_framing(special), texts):
        counts.update(text)
    known = _ranked(counts)
    if vocabulary is not None and len(known) > vocabulary - len(special):
        covered = accumulate(counts[character] for character in known)
        needed = sum(total < _COVERED * counts.total() for total in covered) + 1
        _require(vocabulary, needed + len(special))
        known = known[: vocabulary - len(special)]
    ids = {token: i for i, token in enumerate([*special, *sorted(known)])}
    # BPE without merges: ten times faster than a split at every character (measured: 5.7 MB/s).
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[], unk_token=UNKNOWN))
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def whitespace(texts: Iterable[str], vocabulary: int | None, special: Sequence[str]) -> Tokenizer:
    """The words of a prepared corpus as they stand: what `str.split` gives, all of them.

    A word of the corpus that is spelled like a special token is that token: `<unk>` is unknown.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for block in blocks(text):
            counts.update(block.split())
    tokenizer = _word_level(counts, vocabulary, special, ROLES)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\x1c-\x1f]+"), behavior="removed")
    return tokenizer


def word(texts: Iterable[str], vocabulary: int | None, special: Sequence[str]) -> Tokenizer:
    """Words, punctuation marks and line ends; see `words`."""
    normalizer, pre_tokenizer = words.normalizer(), words.pre_tokenizer()
    sample = Sample(texts, SAMPLED_WORDS)
    counts: Counter[str] = Counter()
    for piece, times in count(sample).items():
        for token, _span in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(piece)):
            counts[token] += times
    if vocabulary is None:
        vocabulary = _WORDS
        if sample.characters >= _RARE:
            counts = Counter({token: n for token, n in counts.items() if n > 1})
    tokenizer = _word_level(counts, vocabulary, special, ["\n", *ROLES])
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = words.decoder()
    return tokenizer


def bpe(texts: Iterable[str], vocabulary: int | None, special: Sequence[str]) -> Tokenizer:
    """Byte-pair encoding of UTF-8 bytes (Sennrich et al. 2016; Radford et al. 2019)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    sample, size = _sampled(texts, vocabulary, special, len(alphabet))
    tokenizer = _byte_level(Tokenizer(models.BPE()))
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    with threads():
        tokenizer.train_from_iterator(sample, trainer)
    return tokenizer


def unigram(texts: Iterable[str], vocabulary: int | None, special: Sequence[str]) -> Tokenizer:
    """A unigram language model over pieces of UTF-8 bytes (Kudo 2018).

    The alphabet is the 256 bytes, as in byte-level BPE, so nothing is ever unknown.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    sample, size = _sampled(texts, vocabulary, special, len(alphabet))
    shape = _byte_level(Tokenizer(models.BPE()))
    counts: Counter[str] = Counter()
    for piece, times in count(sample, fine=True).items():
        for token, _span in shape.pre_tokenizer.pre_tokenize_str(piece):
            counts[token] += times
    learned = train_unigram(counts, size - len(special), alphabet)
    # No word is spelled like a special token: the pattern parts "<s" from ">".
    vocabulary_scores = [*((token, 0.0) for token in special), *learned]
    return _byte_level(Tokenizer(models.Unigram(vocabulary_scores, special.index(UNKNOWN))))


def wordpiece(texts: Iterable[str], vocabulary: int | None, special: Sequence[str]) -> Tokenizer:
    """WordPiece as in BERT (Devlin et al. 2019), with case and accents kept."""
    sample, size = _sampled(texts, vocabulary, special, 0)
    tokenizer = _bert()
    counts: Counter[str] = Counter()
    for text in sample:
        counts.update(tokenizer.normalizer.normalize_str(text))
    letters = sorted(letter for letter in _ranked(counts)[:_ALPHABET] if not letter.isspace())
    _require_text(len(letters))
    inner = [f"##{letter}" for letter in letters]
    if vocabulary is not None:
        _require(vocabulary, len(special) + len(letters) + len(inner))
    trainer = trainers.WordPieceTrainer(
        vocab_size=max(size, len(special) + len(letters) + len(inner)),
        # Without fixed ids for these the trainer gives other ids, and other words, every time.
        special_tokens=[*special, *inner],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        show_progress=False,
    )
    with threads():
        tokenizer.train_from_iterator(sample, trainer)
    trained = _bert(tokenizer.get_vocab(with_added_tokens=False))
    trained.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return trained


ALGORITHMS = {
    "char": char,
    "word": word,
    "whitespace": whitespace,
    "bpe": bpe,
    "unigram": unigram,
    "wordpiece": wordpiece,
}


def _bert(ids: dict[str, int] | None = None) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocab=ids or {}, unk_token=UNKNOWN))
    # BERT's drops form feeds and the like, which would glue two words into one.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"\s"), " "),
            normalizers.BertNormalizer(strip_accents=False, lowercase=False),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _byte_level(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _word_level(
    counts: Counter[str], vocabulary: int | None, special: Sequence[str], framing: Sequence[str]
) -> Tokenizer:
    """The most frequent words, and those that stand between the turns of a conversation."""
    _require_text(len(counts))
    if TURN_START in special:
        most = max(counts.values())
        counts = counts + Counter(dict.fromkeys(framing, most))
    if vocabulary is not None:
        _require(vocabulary, len(special) + len(framing) + 1)
    tokens = [*special, *(token for token in _ranked(counts) if token not in special)]
    ids = {token: i for i, token in enumerate(tokens[:vocabulary])}
    return Tokenizer(models.WordLevel(vocab=ids, unk_token=UNKNOWN))


def _ranked(counts: Counter[str]) -> list[str]:
    """The most frequent first; equally frequent ones in the order of Unicode."""
    return sorted(counts, key=lambda token: (-counts[token], token))


def _sampled(
    texts: Iterable[str], vocabulary: int | None, special: Sequence[str], alphabet: int
) -> tuple[list[str], int]:
    """The texts that subwords are learned from, and how many tokens to learn."""
    sample = Sample(texts, SAMPLED)
    if vocabulary is None:
        vocabulary = _default_size(sample.characters)
    _require(vocabulary, len(special) + alphabet)
    framed = list(sample)
    return framed + _framing(special) * len(framed), vocabulary


def _default_size(characters: int) -> int:
    """A subword vocabulary that grows with the square root of the text."""
    low, high = _SUBWORDS
    return min(high, max(low, 64 * round(math.sqrt(characters) / 64)))


def _framing(special: Sequence[str]) -> list[str]:
    """What stands between the turns of a conversation."""
    return [f"{role}\n" for role in ROLES] if TURN_START in special else []


def _require_text(tokens: int) -> None:
    if not tokens:
        raise InputError(_("There is no text to learn tokens from"))


def _require(vocabulary: int, needed: int) -> None:
    if vocabulary < needed:
        raise InputError(
            _("--vocabulary {n} is too small for this text").format(n=vocabulary),
            expected=_("{needed} or more").format(needed=needed),
        )

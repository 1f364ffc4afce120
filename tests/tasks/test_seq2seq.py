"""Pairs: how they are encoded, how they become batches, and what is measured of them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacrebleu import corpus_chrf
from tests.models.conftest import PAIRS

from prosa.data.kinds import Kind
from prosa.tasks.seq2seq import SEQ2SEQ, Pairs
from prosa.tokens import examples
from prosa.tokens.examples import TokenStream, encode_pairs
from prosa.tokens.learn import learn

END = 3


def table(pairs) -> pa.Table:
    sources, targets = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.table({"source": pa.array(sources, pa.string()), "target": pa.array(targets)})


def naive(pairs, tokenizer, encode, hides):
    """The stream pair by pair: tokens, offsets, weights, bytes and hidden."""
    tokens, offsets, weights, size, hidden = [], [0], [], 0, []
    for source, target in pairs:
        before, after = encode(source), encode(target)
        start = len(tokens) + len(before) + 1
        for place, text in hides(target):
            hidden.append([start + place, len(text.encode())])
        tokens += [*before, END, *after, END]
        weights += [0] * (len(before) + 1) + [1] * (len(after) + 1)
        offsets.append(len(tokens))
        size += len(target.encode())
    return tokens, offsets, weights, size, hidden


TEXTS = st.text(st.sampled_from("ab ãç\nλ☃"), max_size=8)


@pytest.mark.parametrize("name", ["char", "whitespace"])
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=7))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_pairs_are_encoded_as_one_by_one(name, pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "_ROWS", 3)
    tokenizer = learn(["a b ã ab ba aã"], name)
    vocabulary = tokenizer.get_vocab()
    parts = list if name == "char" else str.split

    def encode(text):
        return [vocabulary.get(part, tokenizer.unk_token_id) for part in parts(text)]

    def hides(text):
        return [(i, part) for i, part in enumerate(parts(text)) if part not in vocabulary]

    stream = encode_pairs(table(pairs), Kind.PAIR, tokenizer, tmp_path / "pares")
    tokens, offsets, weights, size, hidden = naive(pairs, tokenizer, encode, hides)
    assert stream.tokens.tolist() == tokens
    assert stream.offsets.tolist() == offsets
    assert stream.weights.tolist() == weights
    assert stream.bytes == size
    assert stream.hidden.tolist() == hidden
    assert stream.counted == sum(weights)


def test_questions_with_answers_are_pairs(tmp_path):
    tokenizer = learn(["ab"], "char")
    questions = pa.table({"answer": ["b"], "question": ["a"], "topic": ["x"]})
    stream = SEQ2SEQ.encode(questions, Kind.QUESTION_ANSWER, tokenizer, tmp_path / "q")
    assert tokenizer.convert_ids_to_tokens(stream.tokens.tolist()) == ["a", "</s>", "b", "</s>"]


def lengths_stream(lengths) -> TokenStream:
    """Pairs of these lengths of both sides; a token is the number of its pair."""
    whole = [source + target for source, target in lengths]
    tokens = np.repeat(np.arange(len(lengths)), whole)
    weights = np.concatenate([np.repeat([0, 1], pair) for pair in lengths]).astype(np.uint8)
    offsets = np.concatenate([[0], np.cumsum(whole)])
    return TokenStream(tokens, offsets, weights, len(tokens), np.zeros((0, 2), np.int64))


@pytest.fixture
def stream():
    random = np.random.default_rng(0)
    return lengths_stream(random.integers(1, 40, (501, 2)).tolist())


def epoch(pairs: Pairs, number: int) -> list[int]:
    """The numbers of the pairs in the order in which they are learned."""
    pairs.set_epoch(number)
    return [int(row["labels"][0]) for row in pairs.__getitems__(range(len(pairs)))]


@pytest.mark.parametrize("rows", [1, 4, 32])
def test_every_pair_comes_once_an_epoch_in_an_order_of_its_own(stream, rows):
    pairs, again = Pairs(stream, 0, 64, seed=5), Pairs(stream, 0, 64, seed=5)
    pairs.rows = again.rows = rows
    orders = [epoch(pairs, number) for number in (0, 1, 2)]
    assert all(sorted(order) == list(range(501)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert epoch(again, 2) == orders[2]
    assert epoch(pairs, 0) == orders[0]
    other = Pairs(stream, 0, 64, seed=6)
    assert epoch(other, 0) != orders[0]


def test_a_batch_has_little_padding_and_the_short_one_is_last(stream):
    pairs = Pairs(stream, 0, 64, seed=1)
    pairs.rows = 8

    def padding(order) -> float:
        batches = [order[first : first + 8] for first in range(0, len(order), 8)]
        sizes = np.diff(stream.offsets)
        filled = sum(sizes[batch].max() * len(batch) for batch in batches)
        return 1 - sizes.sum() / filled

    order = epoch(pairs, 1)
    assert padding(order) < 0.05 < 0.25 < padding(list(range(501)))
    # Not from short to long: batches are mixed.
    firsts = np.diff(stream.offsets)[order[::8]]
    assert abs(np.corrcoef(firsts, np.arange(len(firsts)))[0, 1]) < 0.4


def test_rows_are_cut_and_filled_up():
    pairs = Pairs(lengths_stream([(5, 2), (1, 4), (2, 3)]), pad=9, context=3, seed=0)
    batch = pairs.collate(pairs.__getitems__([0, 1, 2]))
    assert batch["input_ids"].tolist() == [[0, 0, 0], [1, 9, 9], [2, 2, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert batch["labels"].tolist() == [[0, 0, -100], [1, 1, 1], [2, 2, 2]]
    assert pairs.row_tokens == 17 / 3


def test_chrf_is_sacrebleus(paired, tmp_path):
    stream = SEQ2SEQ.encode(table(PAIRS), Kind.PAIR, paired.tokenizer, tmp_path / "pares")
    measured = SEQ2SEQ.measure(paired.model, paired.tokenizer, stream)
    longest = 2 * (1 + max(len(target) for _source, target in PAIRS))  # a token is a character
    written = [
        paired.tokenizer.decode(
            paired.model.generate(paired.source(source), max_new_tokens=longest, do_sample=False)[
                0
            ],
            skip_special_tokens=True,
        )
        for source, _target in PAIRS
    ]
    expected = corpus_chrf(written, [[target for _source, target in PAIRS]]).score
    assert measured["chrf"] == pytest.approx(expected)
    assert 30 < measured["chrf"] <= 100
    quick = SEQ2SEQ.measure(paired.model, paired.tokenizer, stream, whole=False)
    assert "chrf" not in quick.values

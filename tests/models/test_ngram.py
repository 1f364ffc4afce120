"""The n-gram: its probabilities against a plain computation, tables, borders, unknown words."""

import math
import random
from collections import Counter, defaultdict
from itertools import chain

import numpy as np
import pytest
import torch

from prosa.models import ngram
from prosa.models.kneser_ney import FALLBACK, count
from prosa.models.ngram import NGramConfig, NGramForCausalLM

PAD, UNK, BOS, EOS = range(4)
WORDS = 40


def texts(number: int = 200, words: int = WORDS, seed: int = 1) -> list[list[int]]:
    """Documents of ids 4 to words - 2, the low ones far more frequent; the last id never comes."""
    draw = random.Random(seed)
    ids = range(4, words - 1)
    weights = [1 / (i + 1) ** 1.5 for i in range(len(ids))]
    rows = [draw.choices(ids, weights, k=draw.randrange(1, 9)) for _ in range(number)]
    return [[BOS, *row, EOS] for row in rows]


def stream(rows: list[list[int]], dtype: type = np.uint16) -> tuple[np.ndarray, np.ndarray]:
    return np.array(list(chain(*rows)), dtype), np.cumsum([0, *map(len, rows)])


def counted(rows: list[list[int]], order: int, words: int = WORDS) -> NGramForCausalLM:
    return NGramForCausalLM.count(*stream(rows), NGramConfig(order=order, vocab_size=words))


class Plain:
    """Chen and Goodman's formulas with dictionaries, word by word."""

    def __init__(self, rows: list[list[int]], order: int, words: int) -> None:
        self.order, self.words = order, words
        self.counts = [Counter() for _ in range(order + 1)]
        for row in rows:
            for n in range(1, order + 1):
                self.counts[n].update(tuple(row[i : i + n]) for i in range(len(row) - n + 1))
        for n in range(1, order):
            before = Counter(gram[1:] for gram in self.counts[n + 1])
            starts = {g: c for g, c in self.counts[n].items() if g[0] == BOS}
            self.counts[n] = Counter({**before, **starts})
        self.counts[1].pop((BOS,), None)
        self.discounts = [self.estimate(level) for level in self.counts]
        self.followers = defaultdict(dict)
        for level in self.counts[1:]:
            for gram, c in level.items():
                self.followers[gram[:-1]][gram[-1]] = c

    @staticmethod
    def estimate(level: Counter) -> tuple[float, ...]:
        of = Counter(level.values())
        if not (of[1] and of[2] and of[3]):
            return FALLBACK
        y = of[1] / (of[1] + 2 * of[2])
        found = tuple(k - (k + 1) * y * of[k + 1] / of[k] for k in (1, 2, 3))
        return found if all(0 <= d <= k for k, d in enumerate(found, start=1)) else FALLBACK

    def p(self, word: int, context: tuple[int, ...]) -> float:
        after = self.followers.get(context, {})
        lower = self.p(word, context[1:]) if context else 1 / (self.words - 2)
        if not after:
            return lower
        loses = self.discounts[len(context) + 1]
        total, c = sum(after.values()), after.get(word, 0)
        weight = sum(loses[min(k, 3) - 1] for k in after.values()) / total
        return (c - loses[min(c, 3) - 1] if c else 0) / total + weight * lower


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6, 12])
def test_probabilities_are_those_of_a_plain_computation(order):
    rows = texts()
    model, plain = counted(rows, order), Plain(rows, order, WORDS)
    torch.testing.assert_close(
        model.tables.discounts.data, torch.tensor(plain.discounts[1:]).reshape(order, 3)
    )
    unseen = [*texts(30, seed=5), [BOS, UNK, WORDS - 1, 5, EOS], [BOS, EOS]]
    expected = [
        math.log(plain.p(row[i], tuple(row[max(0, i - order + 1) : i])))
        for row in unseen
        for i in range(1, len(row))
    ]
    np.testing.assert_allclose(model.score_stream(*stream(unseen)), expected, atol=2e-6)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_every_distribution_sums_to_one_and_agrees_with_single_scores(order):
    model = counted(texts(), order)
    ids = torch.tensor([row[:4] for row in texts(40, seed=9) if len(row) >= 4] + [[UNK, 11, 0, 5]])
    p = model(ids).logits.exp()
    torch.testing.assert_close(p.sum(-1), torch.ones(ids.shape))
    assert p[..., [PAD, BOS]].sum() == 0
    contexts = model.tables.nodes(ids, order - 1)
    for word in range(WORDS):
        alone = model.tables.score(contexts, torch.full_like(ids, word))
        torch.testing.assert_close(model(ids).logits[..., word], alone, atol=2e-6, rtol=1e-6)


def test_tiny_data_falls_back_to_fixed_discounts_and_says_where():
    model = counted([[BOS, 4, 5, EOS]] * 3, 3)
    assert model.config.fallback_orders == [1, 2, 3]
    assert model.tables.discounts.tolist() == [list(FALLBACK)] * 3
    assert counted(texts(), 4).config.fallback_orders == []


def test_an_order_longer_than_every_text_changes_nothing():
    rows = [[BOS, 4, 5, EOS], [BOS, 5, EOS], [BOS, EOS]]
    four, nine = counted(rows, 4), counted(rows, 9)
    assert nine.config.entries[4:] == [0] * 5
    assert np.array_equal(four.score_stream(*stream(rows)), nine.score_stream(*stream(rows)))


def test_nothing_counted_is_the_uniform_distribution():
    for model in (counted([], 3), NGramForCausalLM(NGramConfig(order=3, vocab_size=WORDS))):
        scored = model.score_stream(*stream([[BOS, 4, EOS]]))
        np.testing.assert_allclose(scored, -math.log(WORDS - 2), rtol=1e-6)


@pytest.mark.parametrize("gap", [1, 700, 30_000])
def test_ids_of_any_size_count_alike(gap):
    """Wide ids fill the sorting key sooner, so that it takes more rounds."""
    rows = texts()
    spread = [[token * gap for token in row] for row in rows]
    near = count(*stream(rows), order=7, vocabulary=WORDS, bos=BOS)
    far = count(*stream(spread, np.uint32), order=7, vocabulary=WORDS * gap, bos=BOS * gap)
    assert far.entries[1:] == near.entries[1:]
    first = 1 + WORDS * gap
    assert np.array_equal(far.counts[1:first:gap], near.counts[1 : WORDS + 1])
    assert np.array_equal(far.counts[first:], near.counts[WORDS + 1 :])
    assert np.array_equal(far.followers[first:], near.followers[WORDS + 1 :])


def test_a_long_stream_is_scored_in_parts_without_a_seam(monkeypatch):
    rows = texts()
    model = counted(rows, 4)
    whole = model.score_stream(*stream(rows))
    monkeypatch.setattr(ngram, "_CHUNK", 7)
    assert np.array_equal(model.score_stream(*stream(rows)), whole)
    assert len(whole) == sum(len(row) - 1 for row in rows)


def test_unknown_words_can_be_left_out():
    model, rows = counted(texts(), 3), [[BOS, 4, UNK, 5, EOS]]
    every = model.score_stream(*stream(rows))
    known = model.score_stream(*stream(rows), include_unknown=False)
    assert known.tolist() == every[[0, 2, 3]].tolist()


def test_a_stream_from_disk_counts_like_one_in_memory(tmp_path):
    tokens, offsets = stream(texts())
    np.save(tmp_path / "tokens.npy", tokens)
    mapped = np.load(tmp_path / "tokens.npy", mmap_mode="r")
    config = NGramConfig(order=3, vocab_size=WORDS)
    model = NGramForCausalLM.count(mapped, offsets, config)
    assert torch.equal(model.tables.keys, counted(texts(), 3).tables.keys)
    assert config.entries == [WORDS, 0, 0]


def test_what_is_masked_or_before_the_row_reads_as_the_start():
    model = counted(texts(), 4)
    bare = model(torch.tensor([[4, 5]])).logits
    assert torch.equal(model(torch.tensor([[BOS, 4, 5]])).logits[:, 1:], bare)
    padded = torch.tensor([[7, 6, 4, 5]])
    mask = torch.tensor([[0, 0, 1, 1]])
    assert torch.equal(model(padded, attention_mask=mask).logits[:, 2:], bare)


def test_a_start_within_a_row_forgets_what_came_before():
    model = counted(texts(), 4)
    joined = model(torch.tensor([[BOS, 4, 5, EOS, BOS, 5, 4]])).logits
    assert torch.equal(joined[:, 4:], model(torch.tensor([[BOS, 5, 4]])).logits)


def test_the_loss_of_a_packed_row_is_that_of_the_stream():
    rows = texts(20)
    model, (tokens, offsets) = counted(rows, 3), stream(rows)
    ids = torch.from_numpy(tokens.astype(np.int64))[None]
    labels = ids.clone()
    labels[0, offsets[:-1]] = -100
    out = model(ids, labels=labels, skip_logits=True)
    assert out.logits is None
    assert out.loss.item() == pytest.approx(-model.score_stream(tokens, offsets).mean(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_loading_in_16_bits_changes_no_probability(tmp_path, dtype):
    model = counted(texts(), 4)
    model.save_pretrained(tmp_path)
    half = NGramForCausalLM.from_pretrained(tmp_path, dtype=dtype)
    ids = torch.tensor([row[:3] for row in texts() if len(row) > 3])
    assert torch.equal(half(ids).logits, model(ids).logits)


def test_sampling_never_draws_padding_or_a_start():
    torch.manual_seed(0)
    model = counted(texts(), 3)
    drawn = model.generate(
        torch.full((64, 1), BOS),
        do_sample=True,
        temperature=5.0,
        top_k=0,
        max_new_tokens=8,
        eos_token_id=None,
        pad_token_id=PAD,
    )
    assert not set(drawn[:, 1:].flatten().tolist()) & {PAD, BOS}


def test_node_numbers_take_64_bits_where_32_are_too_few(monkeypatch):
    rows = texts()
    narrow = counted(rows, 4)
    widths = []
    plain = np.cumsum

    def cumsum(values, *args, dtype=None, **kwargs):
        widths.append(dtype)
        return plain(values, *args, dtype=dtype, **kwargs)

    monkeypatch.setattr("prosa.models.kneser_ney._LARGEST", WORDS + 2)
    monkeypatch.setattr(np, "cumsum", cumsum)
    wide = counted(rows, 4)
    monkeypatch.undo()
    assert np.int64 in widths
    assert np.int32 not in widths
    for name, table in narrow.tables.named_buffers():
        assert torch.equal(wide.tables.get_buffer(name), table)


def test_more_ngrams_than_keys_can_tell_apart_are_refused(monkeypatch):
    monkeypatch.setattr("prosa.models.kneser_ney._KEYS", 40 * WORDS)
    with pytest.raises(ValueError, match="too many to number"):
        counted(texts(), 3)
    assert counted(texts(), 1).config.entries == [WORDS]


def test_a_past_or_an_unknown_id_is_refused():
    model = counted(texts(), 3)
    with pytest.raises(ValueError, match="keeps no past"):
        model(torch.tensor([[4]]), past_key_values=object())
    for bad in (WORDS, -1):
        with pytest.raises(IndexError, match=f"not among the {WORDS}"):
            model(torch.tensor([[4, bad]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 0}, "order is 0"),
        ({"order": 2.0}, "order is 2.0"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"vocabsize": 9}, "is it 'vocab_size'"),
        ({"bos_token_id": None}, "needs bos_token_id"),
        ({"bos_token_id": 900}, "bos_token_id is 900"),
        ({"entries": [12, 3]}, "entries is"),
        ({"entries": [11, 3, 4]}, "entries is"),
    ],
)
def test_a_wrong_configuration_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        NGramConfig(**{"order": 3, "vocab_size": 12, **settings})


@pytest.mark.parametrize(
    ("tokens", "offsets", "message"),
    [
        ([BOS, 4, WORDS, EOS], [0, 4], "holds id 40"),
        ([BOS, 4, EOS], [0, 2], "offsets must rise"),
        ([BOS, 4, EOS], [0, 3, 2, 3], "offsets must rise"),
    ],
)
def test_a_stream_that_does_not_fit_is_refused(tokens, offsets, message):
    with pytest.raises(ValueError, match=message):
        count(np.array(tokens, np.uint16), np.array(offsets), order=2, vocabulary=WORDS, bos=BOS)

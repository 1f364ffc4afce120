import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.tokens import conversation
from prosa.tokens.examples import Packed, Rows, TokenStream, collate, encode
from prosa.tokens.learn import learn

from .conftest import QUESTIONS, TEXTS


@pytest.fixture
def texts(tokenizers, tmp_path):
    return encode(pa.table({"text": TEXTS}), Kind.TEXT, tokenizers["bpe"], tmp_path / "texts")


@pytest.fixture
def answers(chat_tokenizers, tmp_path):
    table = pa.table({"question": [q for q, _ in QUESTIONS], "answer": [a for _, a in QUESTIONS]})
    return encode(table, Kind.QUESTION_ANSWER, chat_tokenizers["bpe"], tmp_path / "answers")


def documents(stream):
    borders = stream.offsets.tolist()
    return [stream.tokens[a:b].tolist() for a, b in pairwise(borders)]


def counted(stream):
    """Places whose token is to be predicted."""
    if stream.weights is not None:
        return np.flatnonzero(stream.weights)
    return np.setdiff1d(np.arange(len(stream.tokens)), stream.offsets)


def test_a_document_is_start_text_end(texts, tokenizers):
    encoded = tokenizers["bpe"](TEXTS, add_special_tokens=False)["input_ids"]
    assert documents(texts) == [[2, *ids, 3] for ids in encoded]
    assert texts.weights is None
    assert texts.bytes == sum(len(text.encode()) for text in TEXTS)
    assert texts.unknown == 0
    assert texts.counted == len(counted(texts))
    assert texts.tokens.dtype == np.dtype("<u2")
    assert isinstance(texts.tokens, np.memmap)


def test_answers_count_and_questions_do_not(answers, chat_tokenizers):
    tokenizer = chat_tokenizers["bpe"]
    rows = [{"question": question, "answer": answer} for question, answer in QUESTIONS]
    said = [conversation.messages(Kind.QUESTION_ANSWER, row) for row in rows]
    rendered = [conversation.Renderer(tokenizer)([one]) for one in said]
    assert documents(answers) == [[*one.ids, 3] for one in rendered]
    assert answers.weights.tolist() == [w for one in rendered for w in [*one.weights, 0]]
    assert answers.bytes == sum(len(answer.encode()) for _question, answer in QUESTIONS)


def test_conversations_are_encoded(chat_tokenizers, tmp_path):
    said = [
        {"role": "user", "content": "Olá"},
        {"role": "assistant", "content": "Olá! Tudo bem?"},
    ]
    stream = encode(
        pa.table({"messages": [said, said]}), Kind.CONVERSATION, chat_tokenizers["char"], tmp_path
    )
    assert stream.bytes == 2 * len("Olá! Tudo bem?".encode())
    assert stream.counted == 2 * (len("Olá! Tudo bem?") + 1)


def test_unknown_words_are_counted(tokenizers, tmp_path):
    stream = encode(pa.table({"text": ["A Júlia xyz"]}), Kind.TEXT, tokenizers["word"], tmp_path)
    assert stream.unknown == 1


def test_long_documents_and_many_short_ones(tokenizers, tmp_path, monkeypatch):
    monkeypatch.setattr("prosa.tokens.encoder._BATCH", 50)
    monkeypatch.setattr("prosa.tokens.examples._CHARACTERS", 100)
    long = " ".join(TEXTS)
    table = pa.table({"text": [long, "", "a"] * 5})
    stream = encode(table, Kind.TEXT, tokenizers["bpe"], tmp_path)
    ids = tokenizers["bpe"].encode(long, add_special_tokens=False)
    assert documents(stream)[:2] == [[2, *ids, 3], [2, 3]]
    assert len(stream.offsets) == 16


def test_a_large_vocabulary_takes_four_bytes(tmp_path):
    tokenizer = learn([" ".join(f"p{i}" for i in range(70_000))], "whitespace")
    stream = encode(pa.table({"text": ["p69999 p0"]}), Kind.TEXT, tokenizer, tmp_path)
    assert stream.tokens.dtype == np.dtype("<u4")
    assert stream.tokens.tolist() == [2, *tokenizer.encode("p69999 p0"), 3]


def test_no_documents(tokenizers, tmp_path):
    table = pa.table({"text": pa.array([], pa.string())})
    stream = encode(table, Kind.TEXT, tokenizers["bpe"], tmp_path)
    assert len(stream) == 0
    assert stream.offsets.tolist() == [0]
    assert len(Rows(stream, 8)) == 0


def test_a_tokenizer_without_a_start(tokenizers, tmp_path):
    plain = learn(TEXTS, "bpe")
    plain.bos_token = None
    stream = encode(pa.table({"text": ["a"]}), Kind.TEXT, plain, tmp_path)
    assert stream.tokens[[0, -1]].tolist() == [3, 3]


def test_a_stream_is_opened_again(answers, tmp_path):
    again = TokenStream.open(tmp_path / "answers")
    assert np.array_equal(again.tokens, answers.tokens)
    assert np.array_equal(again.offsets, answers.offsets)
    assert np.array_equal(again.weights, answers.weights)
    assert (again.bytes, again.unknown) == (answers.bytes, answers.unknown)


@pytest.mark.parametrize("damage", ["cut", "gone", "json"])
def test_a_damaged_stream_is_said(texts, tmp_path, damage):
    folder = tmp_path / "texts"
    if damage == "cut":
        (folder / "tokens.bin").write_bytes(b"\0")
    elif damage == "gone":
        (folder / "offsets.bin").unlink()
    else:
        (folder / "stream.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match="missing or damaged"):
        TokenStream.open(folder)


def test_a_sample_of_a_stream_is_spread_over_its_documents(tmp_path):
    texts = [f"{'começo' if n < 500 else 'fim'} {n}" for n in range(1000)]
    tokenizer = learn(texts, "word")
    stream = encode(pa.table({"text": texts}), Kind.TEXT, tokenizer, tmp_path)

    part = stream.sample(len(stream) // 10)

    words = tokenizer.decode(part.tokens.tolist()).split()
    assert 0.4 < words.count("fim") / (words.count("fim") + words.count("começo")) < 0.6
    assert len(stream) // 12 <= len(part) <= len(stream) // 10
    assert part.bytes / stream.bytes == pytest.approx(part.counted / stream.counted, rel=0.01)
    assert stream.sample(len(stream)) is stream


def test_a_sample_of_few_documents_is_the_head(tmp_path):
    tokenizer = learn(["a b c d e f"], "word")
    table = pa.table({"text": ["a b c d e f " * 50] * 2})
    stream = encode(table, Kind.TEXT, tokenizer, tmp_path)
    assert stream.sample(100).tokens.tolist() == stream.tokens[:100].tolist()


def test_shuffled_documents_stay_whole_and_take_turns(answers):
    packed = Packed(answers, len(answers), seed=1, shuffled=True)
    ends = np.asarray(answers.offsets)
    documents_ = {tuple(answers.tokens[a:b].tolist()) for a, b in pairwise(ends)}
    orders = []
    for epoch in range(3):
        packed.set_epoch(epoch)
        ring = packed.batch([0])["input_ids"][0].tolist()
        assert sorted(ring) == sorted(answers.tokens.tolist())
        twice = ring + ring
        starts = [
            n
            for n in range(len(ring))
            for one in documents_
            if tuple(twice[n : n + len(one)]) == one
        ]
        assert len(starts) == len(ends) - 1
        orders.append(ring)
    assert orders[0] != orders[1] != orders[2]
    packed.set_epoch(1)
    assert packed.batch([0])["input_ids"][0].tolist() == orders[1]


def test_the_head_of_a_stream(texts, answers):
    for stream in (texts, answers):
        part = stream.head(40)
        assert part.tokens.tolist() == stream.tokens[:40].tolist()
        assert part.offsets[-1] == 40
        assert part.counted == int(np.sum(counted(stream) < 40))
        assert part.bytes == round(stream.bytes * part.counted / stream.counted)
        assert stream.head(10**6) is stream


@pytest.mark.parametrize("context", [2, 3, 16, 50, 10_000])
@pytest.mark.parametrize("phase", [0, 1, 37])
def test_every_token_is_learned_once_an_epoch(texts, answers, context, phase):
    for stream in (texts, answers):
        size = len(stream.tokens)
        rows = Packed(stream, context, phase)
        batch = rows.batch(range(len(rows)))
        assert batch["input_ids"].shape == (len(rows), min(context, size))
        seen = np.zeros(size, dtype=int)
        for number in range(len(rows)):
            ids, labels = batch["input_ids"][number], batch["labels"][number]
            start = min(number * (rows.context - 1), size - rows.context)
            places = (phase + start + np.arange(rows.context)) % size
            assert ids.tolist() == stream.tokens[places].tolist()
            kept = labels.numpy() != -100
            assert np.array_equal(labels.numpy()[kept], ids.numpy()[kept])
            seen[places[kept]] += 1
        expected = np.zeros(size, dtype=int)
        expected[counted(stream)] = 1
        expected[phase] = 0
        assert seen.tolist() == expected.tolist()


def test_rows_differ_from_epoch_to_epoch_and_repeat_with_the_seed(texts):
    rows, again = Packed(texts, 16, seed=7), Packed(texts, 16, seed=7)
    plain = Packed(texts, 16)
    first = rows[0]["input_ids"].tolist()
    assert first == plain[0]["input_ids"].tolist()
    orders = []
    for epoch in range(4):
        rows.set_epoch(epoch)
        plain.set_epoch(epoch)
        orders.append(rows[0]["input_ids"].tolist())
        assert len(rows) == len(plain)
        assert plain[0]["input_ids"].tolist() == first
    assert len({tuple(order) for order in orders}) == 4
    again.set_epoch(3)
    assert again[0]["input_ids"].tolist() == orders[3]


@pytest.mark.parametrize("shuffled", [False, True])
def test_aligned_rows_begin_where_documents_do(texts, answers, shuffled):
    for stream in (texts, answers):
        whole = {tuple(ids) for ids in documents(stream)}
        packed = Packed(stream, max(map(len, whole)), seed=1, shuffled=shuffled, aligned=True)
        begun = set()
        for epoch in range(8):
            packed.set_epoch(epoch)
            batch = packed.batch(range(len(packed)))
            for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
                found = [one for one in whole if tuple(ids[: len(one)].tolist()) == one]
                assert found
                begun.update(found)
                kept = labels != -100
                assert torch.equal(labels[kept], ids[kept])
                assert not kept[0]
        assert begun == whole


def test_documents_that_fit_into_no_row_are_not_aligned(texts):
    aligned, plain = Packed(texts, 4, seed=1, aligned=True), Packed(texts, 4, seed=1)
    assert len(aligned) == len(plain)
    for epoch in range(2):
        aligned.set_epoch(epoch)
        plain.set_epoch(epoch)
        rows = range(len(plain))
        assert torch.equal(aligned.batch(rows)["input_ids"], plain.batch(rows)["input_ids"])


def test_rows_come_in_batches(texts):
    rows = Packed(texts, 16)
    batches = list(DataLoader(rows, batch_size=4, collate_fn=collate))
    assert sum(len(batch["input_ids"]) for batch in batches) == len(rows)
    assert batches[0]["labels"].dtype == torch.int64
    assert torch.equal(batches[0]["input_ids"][2], rows[2]["input_ids"])


def test_a_row_needs_two_tokens(texts):
    with pytest.raises(ValueError, match="1"):
        Packed(texts, 1)


@pytest.mark.parametrize(("context", "stride"), [(16, 8), (16, None), (16, 1), (2, 1), (500, 99)])
def test_every_token_is_measured_once_with_enough_before_it(texts, answers, context, stride):
    for stream in (texts, answers):
        size = len(stream.tokens)
        rows = Rows(stream, context, stride)
        labels = rows.batch(range(len(rows)))["labels"].numpy()
        seen = np.zeros(size, dtype=int)
        for number, row in enumerate(labels):
            start = min(number * rows.stride, size - len(row))
            kept = np.flatnonzero(row != -100)
            seen[start + kept] += 1
            assert np.array_equal(row[kept], stream.tokens[start + kept])
            enough = np.minimum(context - rows.stride, start + kept)
            assert np.all(kept >= enough)
        expected = np.zeros(size, dtype=int)
        expected[counted(stream)] = 1
        assert seen.tolist() == expected.tolist()


def test_only_predicted_words_are_counted_as_frequent(answers, texts, chat_tokenizers, tokenizers):
    for stream, tokenizer in ((answers, chat_tokenizers["bpe"]), (texts, tokenizers["bpe"])):
        for limit in (40, 10**7):
            expected = [stream.tokens[place] for place in counted(stream) if place < limit]
            counts = stream.frequencies(len(tokenizer), limit)
            assert counts.tolist() == np.bincount(expected, minlength=len(tokenizer)).tolist()

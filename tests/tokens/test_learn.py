import json
import os
import subprocess
import sys

import pytest

from prosa import extras
from prosa.errors import InputError
from prosa.tokens import learn as learning
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.learn import algorithm, is_ours, learn

from .conftest import ALGORITHMS, TEXTS

EXACT = ("char", "bpe", "unigram")
NASTY = [
    "  dois  espaços \t e\n\n\nlinhas \n",
    "emoji 👩‍👩‍👧 ❤️ e a\u0301 decomposto",
    "nulo \x00 e separador \x1c",
    "</s> <|im_end|> <pad>",
    "日本語, عربى",
    " ",
    "\n",
]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_special_tokens_come_first_and_differ(tokenizers, name):
    tokenizer = tokenizers[name]
    assert tokenizer.convert_tokens_to_ids(["<pad>", "<unk>", "<s>", "</s>"]) == [0, 1, 2, 3]
    ids = (tokenizer.pad_token_id, tokenizer.unk_token_id)
    ids += (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert ids == (0, 1, 2, 3)
    assert tokenizer.chat_template is None
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_turns_get_the_next_ids(chat_tokenizers, name):
    tokenizer = chat_tokenizers[name]
    assert tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"]) == [4, 5]
    assert tokenizer.decode([2, 4, 5, 3], skip_special_tokens=True).strip() == ""


@pytest.mark.parametrize("name", ALGORITHMS)
def test_encoding_adds_nothing(tokenizers, name):
    encoded = tokenizers[name]("O avô riu-se.")
    assert set(encoded) == {"input_ids", "attention_mask"}
    assert not {0, 2, 3} & set(encoded["input_ids"])
    assert algorithm(tokenizers[name]) == name
    assert is_ours(tokenizers[name])


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_template_frames_what_other_tools_read_and_nothing_of_ours(name):
    plain, framed = learn(TEXTS, name), learn(TEXTS, name, template="<s> $A </s>")
    expected = [plain(text)["input_ids"] for text in TEXTS]
    assert framed(TEXTS)["input_ids"] == [[2, *ids, 3] for ids in expected]
    # A call with padding or truncation leaves them on in the library.
    framed(TEXTS, padding=True, truncation=True, max_length=8)
    ids, lengths = TextEncoder(framed)(TEXTS)
    assert ids.tolist() == [number for row in expected for number in row]
    assert lengths.tolist() == [len(row) for row in expected]


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_exactly(tokenizers, name, text):
    tokenizer = tokenizers[name]
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


@pytest.mark.parametrize("name", ["bpe", "unigram"])
@pytest.mark.parametrize("text", NASTY)
def test_bytes_stand_for_what_was_never_seen(tokenizers, name, text):
    tokenizer = tokenizers[name]
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids) == text


def test_every_character_is_a_token(tokenizers):
    tokenizer = learn(["ã b\n👩‍👧\x00"], "char")
    assert tokenizer.tokenize("ã b\n👩‍👧\x00") == list("ã b\n👩‍👧\x00")
    assert tokenizer.encode("ãz") == [tokenizer.convert_tokens_to_ids("ã"), tokenizer.unk_token_id]


def test_case_and_accents_are_kept_by_wordpiece(tokenizers):
    tokenizer = tokenizers["wordpiece"]
    ids = tokenizer.encode("A Júlia riu-se.")
    assert tokenizer.decode(ids) == "A Júlia riu - se."
    assert tokenizer.encode("palavra\x0cnova") == tokenizer.encode("palavra nova")


def test_whitespace_gives_what_split_gives():
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    text = "".join(f"p{i}{space}" for i, space in enumerate(spaces)) + "fim \u200b\ufeff x"
    tokenizer = learn([text, "e"], "whitespace")
    assert tokenizer.tokenize(text) == text.split()
    assert len(tokenizer) == 4 + len({*text.split(), "e"})
    assert tokenizer.decode(tokenizer.encode("fim e p0")) == "fim e p0"


def test_words_are_ranked_by_frequency():
    tokenizer = learn(["b a a", "c a b"], "whitespace")
    assert tokenizer.convert_ids_to_tokens([4, 5, 6]) == ["a", "b", "c"]
    capped = learn(["a b c d e f g h a b c a"], "whitespace", 9)
    assert capped.convert_ids_to_tokens(range(4, 9)) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_same_text_gives_the_same_bytes(tokenizers, name):
    again = learn(iter(TEXTS), name)
    assert again.backend_tokenizer.to_str() == tokenizers[name].backend_tokenizer.to_str()


def test_texts_may_come_from_a_function():
    tokenizer = learn(lambda: (text for text in TEXTS), "word")
    assert "Júlia" in tokenizer.get_vocab()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_small_vocabulary_names_the_flag(name):
    with pytest.raises(InputError, match="--vocabulary 4 is too small"):
        learn(TEXTS, name, 4)


def test_rare_characters_may_be_left_out_but_not_the_alphabet():
    text = "casa " * 1000 + "ẞ"
    assert len(learn([text], "char", 8)) == 8
    with pytest.raises(InputError, match="8 or more"):
        learn([text], "char", 7)


@pytest.mark.parametrize(("name", "size"), [("bpe", 300), ("unigram", 300), ("wordpiece", 200)])
def test_a_vocabulary_is_as_large_as_asked_for(name, size):
    assert len(learn(TEXTS * 4, name, size)) == size


def test_an_unknown_algorithm_lists_the_known_ones():
    with pytest.raises(InputError, match="char, word, whitespace, bpe, unigram, wordpiece"):
        learn(TEXTS, "bytes")


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("texts", [[], [""], [" \n", "\t"]])
def test_no_text_is_said(name, texts):
    with pytest.raises(InputError, match="no text"):
        learn(texts, name, conversation=True)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("text", ["a", "\x00", "x" * 5_000, "😀", "a-" * 2_000])
def test_strange_texts_are_learned(name, text):
    if (name, text) == ("wordpiece", "\x00"):
        with pytest.raises(InputError, match="no text"):
            learn([text], name)
        return
    tokenizer = learn([text], name)
    ids = tokenizer.encode(text[:50], add_special_tokens=False)
    if name in EXACT:
        assert tokenizer.decode(ids) == text[:50]


def test_subword_vocabularies_grow_with_the_text(monkeypatch):
    seen = []

    def fake(sample, vocabulary, special):
        seen.append(learning._sampled(sample, vocabulary, special, 256)[1])
        return learning.char(["a"], None, special)

    monkeypatch.setitem(learning.ALGORITHMS, "bpe", fake)
    for size in (1_000, 1_000_000, 10_000_000):
        learn(["palavra " * (size // 8)], "bpe")
    assert seen == [2048, 2048, 3136]


LOAD = """
import json, sys, warnings
warnings.simplefilter("error")
from transformers import AutoTokenizer
for name, text in json.load(sys.stdin):
    tokenizer = AutoTokenizer.from_pretrained(name)
    print(json.dumps(tokenizer(text)["input_ids"]))
    again = tokenizer.padding_side, tokenizer.pad_token_id, tokenizer.clean_up_tokenization_spaces
    assert again == ("left", 0, False), again
"""


def test_a_fresh_process_loads_it_with_the_library_alone(chat_tokenizers, tmp_path):
    text = "O avô disse-lhe: “Olá, mundo!”<|im_end|>"
    for name, tokenizer in chat_tokenizers.items():
        tokenizer.save_pretrained(tmp_path / name)
        names = sorted(path.name for path in (tmp_path / name).iterdir())
        assert names == ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    asked = json.dumps([(str(tmp_path / name), text) for name in chat_tokenizers])
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_NO_ADVISORY_WARNINGS": ""},
    )
    assert done.stderr == ""
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert got == [tokenizer(text)["input_ids"] for tokenizer in chat_tokenizers.values()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_afterwards_is_not_warned_about(capfd, monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM")
    monkeypatch.setattr(extras, "_first", [])
    tokenizer = learn(TEXTS, "bpe")
    child = os.fork()
    if not child:
        try:
            tokenizer(TEXTS)
            learn(TEXTS, "bpe")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert capfd.readouterr().err == ""

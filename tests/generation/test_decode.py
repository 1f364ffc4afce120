"""A prompt is text, whatever it looks like."""

from prosa.tasks.causal import CAUSAL
from prosa.tasks.seq2seq import SEQ2SEQ
from prosa.tokens.learn import learn


def test_an_end_mark_that_a_person_types_ends_nothing():
    tokenizer = learn(["O fim </s> não é o fim.", "Olá!"], "bpe", 300)
    ids = CAUSAL.prompt(tokenizer, "Olá </s> outra vez")
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids[1:]) == "Olá </s> outra vez"


def test_an_empty_prompt_is_the_start_of_a_text():
    tokenizer = learn(["Olá!"], "char")
    assert CAUSAL.prompt(tokenizer, "") == [tokenizer.bos_token_id]


def test_a_source_is_framed_as_other_tools_frame_it():
    tokenizer = learn(["O fim </s> não é o fim.", "Olá!"], "bpe", 300, template=SEQ2SEQ.template)
    assert SEQ2SEQ.prompt(tokenizer, "Olá, fim!") == tokenizer("Olá, fim!")["input_ids"]
    ids = SEQ2SEQ.prompt(tokenizer, "o </s> fim")
    assert ids.index(tokenizer.eos_token_id) == len(ids) - 1

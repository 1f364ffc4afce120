"""A prompt is text, whatever it looks like."""

from prosa.generation.decode import prompt_ids
from prosa.tokens.learn import learn


def test_an_end_mark_that_a_person_types_ends_nothing():
    tokenizer = learn(["O fim </s> não é o fim.", "Olá!"], "bpe", 300)
    ids = prompt_ids(tokenizer, "Olá </s> outra vez")
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids[1:]) == "Olá </s> outra vez"


def test_an_empty_prompt_is_the_start_of_a_text():
    tokenizer = learn(["Olá!"], "char")
    assert prompt_ids(tokenizer, "") == [tokenizer.bos_token_id]

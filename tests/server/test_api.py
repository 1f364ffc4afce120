"""The real client of OpenAI against a real server: every endpoint, every family."""

import threading

import httpx
import numpy as np
import openai
import pytest

from prosa.verbs.writing import load_model

from .conftest import CONTINUING, FROM_SOURCE

ASKED = [{"role": "user", "content": "Onde o gato dorme?"}]


def test_the_models_are_listed(client):
    names = {model.id for model in client.models.list()}
    assert {*CONTINUING, *FROM_SOURCE, "encoder", "chat", "faq"} == names
    assert client.models.retrieve("chat").id == "chat"
    with pytest.raises(openai.NotFoundError, match="chat"):
        client.models.retrieve("no-such-model")


@pytest.mark.parametrize("name", [*CONTINUING, *FROM_SOURCE])
def test_a_seed_gives_the_text_of_prosa_generate(client, root, name):
    prompt = "O menino" if name in CONTINUING else "a pipa"
    drawn = {"temperature": 1.2, "top_p": 0.9, "seed": 11}
    expected = load_model(root / name).generate(prompt, max_new_tokens=40, **drawn)
    reply = client.completions.create(model=name, prompt=prompt, max_tokens=40, **drawn)
    assert reply.choices[0].text == expected
    assert reply.object == "text_completion"
    again = client.completions.create(
        model=name, prompt=prompt, max_tokens=40, stream=True, **drawn
    )
    assert "".join(chunk.choices[0].text for chunk in again) == expected


def test_a_reply_is_the_one_of_prosa_chat(client, root):
    expected = "".join(load_model(root / "chat").chat().say(ASKED[0]["content"]))
    reply = client.chat.completions.create(model="chat", messages=ASKED)
    assert reply.choices[0].message.content == expected
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason in ("stop", "length")
    usage = reply.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    chunks = list(
        client.chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": [{"type": "text", "text": ASKED[0]["content"]}]}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content for c in chunks[:-1]) == expected
    assert chunks[-2].choices[0].finish_reason == reply.choices[0].finish_reason
    assert chunks[-1].usage == usage


def test_a_plain_model_goes_on_with_what_is_said(client, root):
    expected = load_model(root / "decoder").generate("O menino", max_new_tokens=9, temperature=0)
    said = [{"role": "system", "content": "Seja breve"}, {"role": "user", "content": "O menino"}]
    reply = client.chat.completions.create(model="decoder", messages=said, max_completion_tokens=9)
    assert reply.choices[0].message.content == expected


def test_several_answers_and_what_stops_them(client):
    reply = client.completions.create(
        model="decoder", prompt=["O ", "A "], n=3, max_tokens=30, seed=1, stop=["o", "zz"]
    )
    assert [choice.index for choice in reply.choices] == list(range(6))
    assert not any("o" in choice.text for choice in reply.choices)
    assert len({choice.text for choice in reply.choices}) > 2
    one = client.completions.create(model="decoder", prompt="A ", max_tokens=30, seed=3, stop="o")
    assert one.choices[0].text == reply.choices[5].text
    assert reply.usage.prompt_tokens == 2 * one.usage.prompt_tokens
    short = client.completions.create(model="decoder", prompt="A ", max_tokens=2, temperature=0)
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 2


def test_streams_of_several_answers_are_told_apart(client):
    asked = {"model": "lstm", "prompt": "A ", "n": 3, "max_tokens": 20, "seed": 5}
    whole = client.completions.create(**asked)
    texts = ["", "", ""]
    for chunk in client.completions.create(**asked, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [choice.text for choice in whole.choices]


def test_probabilities_come_with_tokens(client):
    drawn = {"model": "decoder", "temperature": 1, "seed": 2}
    reply = client.completions.create(prompt="O ", max_tokens=8, logprobs=3, **drawn)
    scores = reply.choices[0].logprobs
    assert "".join(scores.tokens) == reply.choices[0].text
    assert all(len(top) == 3 for top in scores.top_logprobs)
    assert all(value <= 0 for value in scores.token_logprobs)
    assert scores.text_offset[:3] == [0, 1, 2]
    said = client.chat.completions.create(
        model="chat", messages=ASKED, logprobs=True, top_logprobs=2, max_tokens=5
    )
    first = said.choices[0].logprobs.content[0]
    assert bytes(first.bytes).decode() == first.token
    assert first.top_logprobs[0].logprob >= first.top_logprobs[1].logprob
    streamed = client.completions.create(
        prompt="O ", max_tokens=8, logprobs=0, stream=True, **drawn
    )
    tokens = [t for c in streamed if c.choices[0].logprobs for t in c.choices[0].logprobs.tokens]
    assert tokens == scores.tokens


@pytest.mark.parametrize("name", ["gru", "seq2seq", "decoder", "encoder", "encoder-decoder"])
def test_texts_have_vectors(client, name):
    texts = ["O menino perdeu a pipa.", "A gata", "A gata"] * 4
    packed = client.embeddings.create(model=name, input=texts)
    plain = client.embeddings.create(model=name, input=texts[0], encoding_format="float")
    first, second, third = (np.array(one.embedding) for one in packed.data[:3])
    assert np.isfinite(first).all()
    assert np.allclose(first, plain.data[0].embedding, atol=1e-4)
    assert np.allclose(second, third, atol=1e-4)
    assert not np.allclose(first, second, atol=1e-4)
    assert len(packed.data) == 12
    assert packed.usage.prompt_tokens > plain.usage.prompt_tokens > 0


def test_an_index_answers_with_its_sources(client):
    reply = client.chat.completions.create(model="faq", messages=ASKED)
    message = reply.choices[0].message
    assert message.content.startswith("O gato dorme no jardim.")
    assert "\n\n[1] " in message.content
    assert "faq.csv, row 2" in message.content
    assert message.citations[0]["text"] == "O gato dorme no jardim."
    assert not message.abstained
    assert message.confidence > 0.9
    [chunk] = client.chat.completions.create(model="faq", messages=ASKED, stream=True)
    assert chunk.choices[0].delta.content == message.content
    assert chunk.choices[0].delta.citations == message.citations
    text = client.completions.create(model="faq", prompt=ASKED[0]["content"])
    assert text.choices[0].text == message.content


def test_an_index_says_that_it_does_not_know(client):
    asked = [{"role": "user", "content": "Quantos dragões cabem no planeta Zorblax?"}]
    message = client.chat.completions.create(model="faq", messages=asked).choices[0].message
    assert message.abstained
    assert message.content == "I did not find this in the documents"


def test_many_at_once_get_what_each_gets_alone(client):
    asked = [
        {"model": name, "prompt": prompt, "max_tokens": 60, "seed": seed}
        for seed, (name, prompt) in enumerate(
            (name, prompt)
            for name in ("decoder", "lstm", "ngram", "decoder")
            for prompt in ("O ", "A gata su", "Inês plantou")
        )
    ]
    alone = [client.completions.create(**one).choices[0].text for one in asked]
    together = [""] * len(asked)

    def ask(number):
        together[number] = client.completions.create(**asked[number]).choices[0].text

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_what_happens_is_counted(client, url):
    client.completions.create(model="gru", prompt="O ", max_tokens=3, temperature=0)
    httpx.get(f"{url}/v1/<script>")
    text = httpx.get(f"{url}/metrics").text
    assert 'prosa_requests_total{route="/v1/completions",status="200"}' in text
    assert 'prosa_requests_total{route="other",status="404"}' in text
    assert 'prosa_written_tokens_total{model="gru"}' in text
    assert 'prosa_running{model="gru"} 0.0' in text
    assert "script" not in text
    assert httpx.get(f"{url}/health").json() == {"status": "ok"}

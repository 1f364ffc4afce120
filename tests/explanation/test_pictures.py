"""Every family gives its pictures, and the numbers in them are the model's own."""

import pytest
import torch
import transformers
from tests.models.conftest import (
    PAIRWISE,
    RECURRENT,
    SENTENCES,
    SMALL,
    character_tokenizer,
    encoder_model,
    names,
    pair_model,
    small_model,
)
from transformers import PreTrainedTokenizerFast

from prosa.errors import InputError
from prosa.explanation.attention import with_head
from prosa.explanation.pictures import look
from prosa.explanation.subject import LONGEST, Subject
from prosa.generation.fill import fill
from prosa.models.family import SpecialIds
from prosa.models.registry import build, family
from prosa.tokens.conversation import prompt
from prosa.tokens.learn import learn

TEXT = "A coruja guardou"
OWN = {
    "ngram": ["back-off"],
    "rnn": ["state", "vectors"],
    "lstm": ["state", "vectors"],
    "gru": ["state", "vectors"],
    "decoder": ["attention", "vectors"],
    "seq2seq": ["alignment", "state", "vectors"],
    "seq2seq-none": ["state", "vectors"],
    "encoder-decoder": ["alignment", "attention-encoder", "attention-decoder", "vectors"],
}
OWN |= dict.fromkeys(("seq2seq-additive", "seq2seq-gru"), OWN["seq2seq"])


def subject_of(kind, text=None, **more):
    if kind == "encoder":
        trained, text = encoder_model(), text or "A gata subiu no [MASK] e não desceu."
    elif kind in PAIRWISE:
        trained, text = pair_model(kind), text or "a pipa"
    else:
        trained, text = small_model(kind, character_tokenizer()), text or TEXT
    return Subject(trained.model, trained.tokenizer, text, **more)


def seen(subject):
    return {picture.name: picture for picture in look(subject)}


@pytest.mark.parametrize("kind", [*names(), *PAIRWISE])
def test_every_family_gives_its_pictures_and_no_others(kind):
    subject = subject_of(kind)
    assert list(seen(subject)) == ["tokens", "next-word", *OWN[kind]]
    bars = seen(subject)["next-word"].figures
    shares = [one["probability"] for one in bars["candidates"]]
    assert sum(shares) + bars["rest"] == pytest.approx(1, abs=1e-5)
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("kind", names())
def test_bars_are_the_models_softmax(kind):
    trained = small_model(kind, character_tokenizer())
    bars = seen(subject_of(kind))["next-word"].figures
    with torch.no_grad():
        expected = trained.model(trained.encode(TEXT)).logits[0, -1].softmax(-1)
    for one in bars["candidates"]:
        assert one["probability"] == pytest.approx(expected[one["id"]].item(), abs=1e-5)
    assert bars["candidates"][0]["id"] == expected.argmax()


@pytest.mark.parametrize("text", ["A coruja guardou", "Zzz", "O menino perdeu a pip"])
def test_a_back_off_path_gives_the_models_probability(text):
    trained = small_model("ngram", character_tokenizer())
    path = seen(subject_of("ngram", text))["back-off"].figures
    with torch.no_grad():
        expected = trained.model(trained.encode(text)).logits[0, -1].softmax(-1)
    orders = path["orders"]
    assert [one["order"] for one in orders] == [3, 2, 1, 0]
    assert path["probability"] == pytest.approx(expected.max().item(), abs=1e-6)
    total = sum(one["contribution"] for one in orders)
    assert total == pytest.approx(path["probability"], abs=1e-6)
    p = 0.0
    for one in reversed(orders):  # share + weight x that below, as the literature writes it
        p = one["share"] + one["weight"] * p
    assert p == pytest.approx(path["probability"], abs=1e-6)


def test_counts_on_the_path_are_those_of_the_text():
    path = seen(subject_of("ngram", "O menino perdeu a pip"))["back-off"].figures
    highest = path["orders"][0]
    assert highest["context"] == ["i", "p"]
    assert path["word"] == "a"
    text = "\n".join(SENTENCES)
    assert highest["total"] == text.count("ip")
    assert highest["count"] == text.count("ipa")
    assert path["longest"][-1] == {"token": "p", "order": 3}


def test_attention_is_the_models_own_and_the_model_stays_as_it_is():
    trained = small_model("decoder", character_tokenizer())
    kernel = trained.model.config._attn_implementation
    subject = subject_of("decoder")
    found = seen(subject)["attention"].figures
    assert found["rows"] == found["columns"] == subject.words
    assert trained.model.config._attn_implementation == kernel != "eager"
    shared = zip(trained.model.parameters(), subject.model.parameters(), strict=True)
    assert all(one is other for one, other in shared)
    layers = torch.tensor(found["layers"])
    assert layers.shape == (2, 2, len(subject.ids), len(subject.ids))
    torch.testing.assert_close(layers.sum(-1), torch.ones(layers.shape[:-1]), atol=5e-3, rtol=0)
    assert layers.triu(1).abs().max() == 0  # nothing looks ahead


@pytest.mark.parametrize("kind", ["seq2seq", "seq2seq-additive", "encoder-decoder"])
def test_an_alignment_is_the_attention_of_what_is_written(kind):
    trained = pair_model(kind)
    subject = subject_of(kind)
    found = seen(subject)["alignment"].figures
    ids = torch.tensor([subject.ids])
    written = trained.model.generate(ids, max_new_tokens=24, do_sample=False)
    assert subject.written == written[0].tolist()
    assert "".join(found["rows"][:6]) == "the␣ki"
    assert found["columns"] == subject.words
    weights = torch.tensor(found["layers"])
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), atol=5e-3, rtol=0)
    if kind != "encoder-decoder":  # its kernel gives no weights, but those of the copy
        with torch.no_grad():
            expected = trained.model(
                input_ids=ids, decoder_input_ids=written[:, :-1], output_attentions=True
            ).cross_attentions
        torch.testing.assert_close(weights, torch.stack(expected)[:, 0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["seq2seq", "encoder-decoder"])
def test_writing_goes_on_from_what_was_begun(kind):
    first = subject_of(kind)
    second = subject_of(kind, begun=first.written[1:4])
    assert second.written == first.written
    place = seen(second)["next-word"].figures
    assert place["place"] == "the"
    assert place["candidates"][0]["id"] == first.written[4]


def test_a_model_that_chats_reads_a_turn_and_writes_its_reply():
    tokenizer = learn(SENTENCES, "word", conversation=True)
    torch.manual_seed(0)
    model = build(family("gru"), RECURRENT, len(tokenizer), SpecialIds.of(tokenizer)).eval()
    subject = Subject(model, tokenizer, "O menino perdeu a pipa?")
    ids = prompt(tokenizer, [{"role": "user", "content": "O menino perdeu a pipa?"}])
    assert subject.ids == ids
    bars = seen(subject)["next-word"]
    assert bars.title == "The next word of what it writes"
    assert bars.figures["place"] == ""
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0, -1].softmax(-1)
    assert bars.figures["candidates"][0]["probability"] == pytest.approx(expected.max().item())
    word = tokenizer.get_vocab()["menino"]
    assert Subject(model, tokenizer, "O menino?", [word]).so_far == "menino"


@pytest.mark.parametrize("kind", names())
def test_a_sentence_goes_on_from_what_was_chosen(kind):
    begun = [subject_of(kind, "A coruja gu").ids[i] for i in (-2, -1)]
    longer = subject_of(kind, "A coruja ", begun=begun)
    assert longer.so_far == "A coruja gu"
    expected = seen(subject_of(kind, "A coruja gu"))
    assert seen(longer)["next-word"].figures == expected["next-word"].figures


def test_gaps_are_filled_one_after_the_other():
    text = "A gata subiu no [MASK] e não [MASK]."
    chosen = seen(subject_of("encoder", text))["next-word"].figures["candidates"][0]
    assert chosen["token"] == "muro"
    second = subject_of("encoder", text, begun=[chosen["id"]])
    assert "muro" in second.so_far
    last = subject_of("encoder", SENTENCES[6]).ids[-3]
    assert seen(second)["next-word"].figures["candidates"][0]["id"] == last
    whole = subject_of("encoder", text, begun=[chosen["id"], last])
    assert "next-word" not in seen(whole)


def test_another_head_is_large_when_asked_for():
    picture = seen(subject_of("decoder"))["attention"]
    other = with_head(picture, 2, 1)
    assert "head 1 of layer 2" in other.explanation
    assert other.svg(800) != with_head(picture, 1, 1).svg(800)
    assert with_head(picture, 3, 1) is with_head(picture, 1, 3) is picture
    path = seen(subject_of("ngram"))["back-off"]
    assert with_head(path, 1, 1) is path


def test_a_gap_is_filled_as_by_fill():
    trained = encoder_model()
    pictures = seen(subject_of("encoder"))
    assert list(pictures) == ["tokens", "next-word", "attention", "vectors"]
    bars = pictures["next-word"].figures["candidates"]
    expected = fill(trained.model, trained.tokenizer, "A gata subiu no [MASK] e não desceu.", 10)
    assert [one["token"] for one in bars] == [one.token for one in expected]
    shares = [one.probability for one in expected]
    assert [one["probability"] for one in bars] == pytest.approx(shares, abs=1e-5)


def test_without_a_gap_there_is_nothing_to_fill():
    assert list(seen(subject_of("encoder", "A gata subiu no muro."))) == [
        "tokens",
        "attention",
        "vectors",
    ]


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_states_are_the_cells_outputs(kind):
    trained = small_model(kind, character_tokenizer())
    found = seen(subject_of(kind))["state"].figures
    with torch.no_grad():
        ids = trained.encode(TEXT)
        states = trained.model.rnn(trained.model.embed_tokens(ids))[0][0]
    expected = states[:, found["units"]]
    torch.testing.assert_close(torch.tensor(found["values"]), expected, atol=1e-3, rtol=0)
    assert len(set(found["units"])) == len(found["units"])


def test_neighbours_are_the_nearest_by_cosine():
    trained = encoder_model()
    found = seen(subject_of("encoder"))["vectors"].figures
    table = trained.model.get_input_embeddings().weight.detach()
    vocabulary = trained.tokenizer.get_vocab()
    gata = next(one for one in found["neighbours"] if one["word"] == "gata")
    cosines = torch.nn.functional.cosine_similarity(table[vocabulary["gata"]], table)
    for near in gata["nearest"]:
        word = near["word"]
        number = vocabulary.get(word, vocabulary.get(f"￭{word}"))
        assert near["cosine"] == pytest.approx(cosines[number].item(), abs=1e-3)
    others = [i for i in range(len(vocabulary)) if i not in trained.tokenizer.all_special_ids]
    others.remove(vocabulary["gata"])
    assert gata["nearest"][0]["cosine"] == pytest.approx(cosines[others].max().item(), abs=1e-3)
    assert {one["word"] for one in found["words"] if one["own"]} >= {"gata", "subiu"}


def test_tokenizers_cut_the_same_sentence():
    found = seen(subject_of("decoder", "A gata subiu."))["tokens"].figures["tokenizers"]
    cut = {one["name"]: one["tokens"] for one in found}
    assert list(cut)[1:] == ["char", "word", "bpe", "unigram", "wordpiece"]
    assert cut["char"] == list("A␣gata␣subiu.")
    assert cut["word"] == ["A", "gata", "subiu", "."]
    for name in ("char", "bpe", "unigram"):
        assert "".join(cut[name]) == "A␣gata␣subiu."


# Folders from elsewhere.

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
GATED = {**SIZES, "intermediate_size": 16, "num_key_value_heads": 1, "head_dim": 8}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
BART = {"d_model": 16, "max_position_embeddings": 64}
BART |= {f"{side}_layers": 1 for side in ("encoder", "decoder")}
BART |= {f"{side}_attention_heads": 2 for side in ("encoder", "decoder")}
BART |= {f"{side}_ffn_dim": 16 for side in ("encoder", "decoder")}
BERT = {**SIZES, "intermediate_size": 16}
ELSEWHERE = {
    "GPT2LMHeadModel": ("GPT2Config", {"n_embd": 16, "n_layer": 2, "n_head": 2}),
    "LlamaForCausalLM": ("LlamaConfig", GATED),
    "Gemma3ForCausalLM": ("Gemma3TextConfig", GATED),
    "MixtralForCausalLM": ("MixtralConfig", {**GATED, "num_local_experts": 2}),
    "BertForMaskedLM": ("BertConfig", BERT),
    "BertForSequenceClassification": ("BertConfig", BERT),
    "T5ForConditionalGeneration": ("T5Config", T5),
    "BartForConditionalGeneration": ("BartConfig", BART),
    "BlenderbotForConditionalGeneration": ("BlenderbotConfig", BART),
}
PAIRED = ["alignment", "attention-encoder", "attention-decoder", "vectors"]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_models_from_elsewhere_give_theirs(name):
    learned = learn(SENTENCES, "bpe", 300, special=["[MASK]"], template="<s> $A </s>")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=learned.backend_tokenizer,
        **{key: learned.special_tokens_map[key] for key in learned.special_tokens_map},
    )
    config, sizes = ELSEWHERE[name]
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2}
    config = getattr(transformers, config)(vocab_size=len(tokenizer) + 5, **sizes, **ids)
    torch.manual_seed(0)
    model = getattr(transformers, name)(config).eval()
    text = "A coruja [MASK] a lanterna." if "Masked" in name else "A coruja guardou."
    pictures = seen(Subject(model, tokenizer, text))
    if model.config.is_encoder_decoder:
        expected = ["tokens", "next-word", *PAIRED]
    elif "Sequence" in name:
        expected = ["tokens", "labels", "attention", "vectors"]
    else:
        expected = ["tokens", "next-word", "attention", "vectors"]
    assert list(pictures) == expected
    for picture in pictures.values():
        for layer in picture.figures.get("layers", []):
            for head in layer:
                assert all(sum(row) == pytest.approx(1, abs=1e-2) for row in head)


# What cannot be looked at.


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_no_text_is_one_message(text):
    with pytest.raises(InputError, match=r"no text to look at.*a sentence"):
        subject_of("decoder", text or " ")


def test_a_text_too_long_for_pictures_is_one_message():
    with pytest.raises(InputError, match=rf"101 tokens.*hold {LONGEST}.*one sentence"):
        subject_of("ngram", "a" * 100)


def test_a_text_beyond_reason_is_not_even_cut():
    with pytest.raises(InputError, match=r"1,000,000 characters"):
        subject_of("ngram", "a" * 1_000_000)


def test_a_text_too_long_for_the_model_is_one_message():
    with pytest.raises(InputError, match=r"101 tokens.*context is 64"):
        subject_of("decoder", "a" * 100)


def test_a_model_that_has_counted_nothing_still_answers():
    tokenizer = character_tokenizer()
    model = build(family("ngram"), SMALL["ngram"], len(tokenizer), SpecialIds.of(tokenizer))
    path = seen(Subject(model.eval(), tokenizer, TEXT))["back-off"].figures
    assert path["probability"] == pytest.approx(1 / (len(tokenizer) - 2), abs=1e-6)

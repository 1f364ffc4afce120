"""Words for a gap: from an encoder of ours, from a BERT of others, and what cannot be filled."""

import pytest
import torch
from tests.models.conftest import SENTENCES, character_tokenizer, encoder_model, small_model
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizerFast,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)
from transformers.modeling_outputs import MaskedLMOutput

from prosa.errors import InputError
from prosa.generation.decode import generate
from prosa.generation.fill import fill
from prosa.models.pretrained import load
from prosa.tasks.masked import MASKED
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.learn import ALGORITHMS as LEARNED
from prosa.tokens.learn import learn


@pytest.fixture(scope="module")
def encoder():
    return encoder_model()


def test_a_gap_gets_the_word_that_was_learned(encoder):
    found = fill(encoder.model, encoder.tokenizer, "O menino perdeu a [MASK] no telhado.", 3)
    assert found[0].token == "pipa"
    assert found[0].text == SENTENCES[1]
    assert len(found) == 3
    ids = encoder.source("O menino perdeu a [MASK] no telhado.")
    logits = encoder.model(ids).logits[0, ids[0].tolist().index(encoder.tokenizer.mask_token_id)]
    logits[torch.tensor(encoder.tokenizer.all_special_ids)] = -torch.inf
    best = logits.softmax(-1).topk(3)
    assert [one.probability for one in found] == pytest.approx(best.values.tolist(), rel=1e-4)
    assert [one.token for one in found] == encoder.tokenizer.convert_ids_to_tokens(best.indices)


def test_of_several_gaps_the_first_has_candidates_and_the_others_their_best_word(encoder):
    found = fill(encoder.model, encoder.tokenizer, "A gata [MASK] no muro e não [MASK].", 4)
    assert found[0].token == "subiu"
    assert found[0].text == SENTENCES[6]
    alone = fill(encoder.model, encoder.tokenizer, "A gata [MASK] no muro e não [MASK].", 1)
    assert alone[0] == found[0]
    for one in found:
        then = fill(encoder.model, encoder.tokenizer, f"A gata {one.token} no muro e não [MASK].")
        assert then[0].text == one.text
        assert one.probability < then[0].probability


def test_more_candidates_than_words_are_all_words(encoder):
    found = fill(encoder.model, encoder.tokenizer, "[MASK]", 1_000)
    assert len(found) == len(encoder.tokenizer) - len(encoder.tokenizer.all_special_ids)
    assert sum(one.probability for one in found) == pytest.approx(1, abs=1e-4)


class EchoForMaskedLM:
    """Reads ids and remembers them."""

    config, device = None, "cpu"

    def __init__(self, words):
        self.words = words

    def named_modules(self):
        return ()

    def __call__(self, input_ids):
        self.read = input_ids[0].tolist()
        return MaskedLMOutput(logits=torch.zeros(1, len(self.read), self.words))


@pytest.mark.parametrize("text", ["[MASK] dormiu.", "A outra [MASK].", "(A [MASK]) subiu"])
@pytest.mark.parametrize("name", [name for name in LEARNED if name != "char"])
def test_around_a_gap_a_text_is_cut_as_around_a_word(name, text):
    texts = ["(A gata) subiu .", "gata", "A outra gata .", "gata dormiu.", "gata."] * 20
    tokenizer = learn(texts, name, special=MASKED.special)
    if name == "whitespace":  # of a prepared corpus, where marks stand alone
        text = text.replace(".", " .").replace("(", "").replace(")", "")
    encode, model = TextEncoder(tokenizer), EchoForMaskedLM(len(tokenizer))
    word, spaced = encode(["gata"])[0].tolist(), encode([" gata"])[0].tolist()
    ids = encode([text.replace("[MASK]", "gata")])[0].tolist()
    expected = [tokenizer.mask_token_id if [i] in (word, spaced) else i for i in ids]
    fill(model, tokenizer, text, 1)
    assert expected != ids
    assert model.read == [tokenizer.bos_token_id, *expected, tokenizer.eos_token_id]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("O menino perdeu a pipa.", "There is no gap"),
        ("", "There is no gap"),
        ("gata " * 70 + "[MASK]", "context is 64"),
    ],
)
def test_a_text_that_cannot_be_filled_is_one_message(encoder, text, message):
    with pytest.raises(InputError, match=message) as error:
        fill(encoder.model, encoder.tokenizer, text)
    assert "\n" not in str(error.value)


def test_a_model_that_writes_does_not_fill():
    decoder = small_model("decoder", character_tokenizer())
    with pytest.raises(InputError, match=r"does not fill in words.*masked"):
        fill(decoder.model, decoder.tokenizer, "O [MASK].")


def test_a_model_that_fills_does_not_write(encoder):
    with pytest.raises(InputError, match=r"does not write.*prosa fill"):
        generate(encoder.model, encoder.tokenizer, "O menino")


def test_what_a_person_types_is_text_and_no_sign(encoder):
    found = fill(encoder.model, encoder.tokenizer, "</s> [MASK] <s>", 1)
    assert found[0].text.count("<") == 0  # unknown words, which are not shown
    assert len(found) == 1


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A tiny BERT as it comes from elsewhere: a real WordPiece tokenizer, lower case."""
    words = sorted({word for text in SENTENCES for word in text.lower().strip(".").split()})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "##s", *words]
    backend = Tokenizer(
        models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    backend.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = BertTokenizerFast(tokenizer_object=backend)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    # Its table is longer than its vocabulary, as those of many models are.
    config = BertConfig(vocab_size=len(pieces) + 8, intermediate_size=16, **sizes)
    folder = tmp_path_factory.mktemp("bert")
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load(folder)


def test_a_bert_from_elsewhere_fills_as_well(bert):
    model, tokenizer = bert
    found = fill(model, tokenizer, "O menino perdeu a [MASK].", 500)
    assert len(found) == len(tokenizer) - len(tokenizer.all_special_ids)
    ids = torch.tensor([tokenizer("O menino perdeu a [MASK].")["input_ids"]])
    gap = ids[0].tolist().index(tokenizer.mask_token_id)
    logits = model(ids).logits[0, gap, : len(tokenizer)]
    logits[torch.tensor(tokenizer.all_special_ids)] = -torch.inf
    assert found[0].token == tokenizer.decode([logits.argmax()])
    assert found[0].probability == pytest.approx(logits.softmax(-1).max().item(), rel=1e-4)
    two = fill(model, tokenizer, "o [MASK] perdeu a [MASK].", 2)
    assert all("[" not in one.text for one in two)


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>"])
def test_a_roberta_takes_either_mask_and_all_the_places_that_it_has(mask):
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *["o", "gato", "dorme", "no", "rio", "."]]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, "<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    special = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, **{f"{name}_token": token for name, token in special.items()}
    )
    config = RobertaConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=18, pad_token_id=1, bos_token_id=0,
        eos_token_id=2,
    )  # fmt: skip
    model = RobertaForMaskedLM(config).eval()
    found = fill(model, tokenizer, f"o {mask} dorme no rio .", 6)
    assert {one.token for one in found} == set(words[5:])
    assert sum(one.probability for one in found) == pytest.approx(1, abs=1e-4)
    assert fill(model, tokenizer, f"{mask} " + "o " * 13)
    with pytest.raises(InputError, match="context is 16"):
        fill(model, tokenizer, f"{mask} " + "o " * 14)

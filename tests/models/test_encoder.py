"""The contract of an encoder: padding, saving, learning, and the words it fills in."""

import torch

from prosa.models.pretrained import load, save

from .conftest import SENTENCES


def test_a_padded_batch_equals_single_rows(encoder):
    for side in ("left", "right"):
        rows = encoder.tokenizer(SENTENCES, padding=True, padding_side=side, return_tensors="pt")
        with torch.no_grad():
            together = encoder.model(rows["input_ids"], rows["attention_mask"]).logits
        for number, text in enumerate(SENTENCES):
            with torch.no_grad():
                alone = encoder.model(encoder.source(text)).logits[0]
            words = together[number][rows["attention_mask"][number].bool()]
            torch.testing.assert_close(words, alone, atol=1e-4, rtol=1e-4)


def test_a_saved_model_loads_with_equal_logits(encoder, tmp_path):
    save(encoder.model, encoder.tokenizer, tmp_path)
    loaded, tokenizer = load(tmp_path)
    ids = encoder.source("O menino [MASK].")
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, encoder.model(ids).logits)
        half = type(loaded).from_pretrained(tmp_path, dtype=torch.bfloat16)
        rough = half(ids).logits.float().softmax(-1)
    torch.testing.assert_close(rough, loaded(ids).logits.softmax(-1), atol=0.1, rtol=0.1)
    assert type(loaded) is type(encoder.model)
    assert not loaded.training
    assert tokenizer.mask_token_id in tokenizer("O menino [MASK].")["input_ids"]


def test_the_loss_falls_on_ten_sentences(encoder):
    assert encoder.after < 0.2 * encoder.before


def test_the_loss_is_the_mean_over_the_labels_that_count(encoder):
    ids = encoder.source("A gata subiu no muro.").repeat(2, 1)
    labels = ids.clone()
    labels[0, :4] = -100
    with torch.no_grad():
        log_p = encoder.model(ids).logits.log_softmax(-1)
        loss = encoder.model(ids, labels=labels).loss
        part = encoder.model(ids, labels=labels, num_items_in_batch=50).loss
    counted = labels != -100
    expected = -log_p[counted].gather(-1, labels[counted][:, None]).mean()
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(part, expected * counted.sum() / 50, atol=1e-5, rtol=1e-5)


def test_every_weight_has_a_gradient(encoder):
    ids = encoder.source("O padeiro assou pão de manhã cedo.")
    encoder.model.train()
    encoder.model(ids, labels=ids).loss.backward()
    missing = [n for n, p in encoder.model.named_parameters() if not p.grad.abs().sum() > 0]
    encoder.model.zero_grad()
    encoder.model.eval()
    assert missing == []

"""The lm-evaluation-harness finds what `prosa evaluate` finds, for every family that writes.

The harness is given a local task as a person would write it. To mean the same by it:

- A text begins with the sentence start, which the harness puts before a text without a context, and
  its end is predicted as well: the task adds `</s>`, which the tokenizer reads as the end.
- Bits per byte are those of the text's own bytes, without the four of `</s>`; perplexity is per
  token, so the "words" that the harness divides by are tokens.
- The harness scores each document alone. So does an n-gram; the other families see the end of the
  document before in `prosa evaluate`, as in training. So here a document is a file of its own.
- An encoder-decoder reads a source with `</s>` behind it, which the tokenizer puts there itself.
- What `<unk>` hides costs bits in `prosa evaluate` and nothing in the harness: none is here.
"""

import json
import logging
import math
import warnings

import pytest
from tests.models.conftest import PAIRS, SENTENCES, names, pair_model, small_model

import prosa
from prosa.models.pretrained import save

YAML = """
task: local
dataset_path: json
dataset_kwargs:
  data_files: {{test: {data}}}
  cache_dir: {cache}
test_split: test
output_type: {output_type}
doc_to_text: "{source}"
doc_to_target: "{target}</s>"
target_delimiter: ""
process_results: !function conventions.process_results
metric_list:
  - metric: bits_per_byte
  - metric: word_perplexity
"""
CONVENTIONS = """
def process_results(doc, results):
    result, text = results[0], doc.get("target", doc.get("text"))
    log_likelihood = result[0] if isinstance(result, tuple) else result
    return {
        "bits_per_byte": (log_likelihood, len(text.encode())),
        "word_perplexity": (log_likelihood, len(text) + 1),  # a token is a character
    }
"""


def harness(trained, folder, rows, **task) -> dict[str, float]:
    """Both figures, from a task file in a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        folder.mkdir()
        lines = [json.dumps(row) for row in rows]
        (folder / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
        (folder / "conventions.py").write_text(CONVENTIONS)
        text = YAML.format(data=folder / "data.jsonl", cache=folder / "cache", **task)
        (folder / "local.yaml").write_text(text)
        encodes = trained.model.config.is_encoder_decoder
        results = simple_evaluate(
            model=HFLM(
                pretrained=trained.model,
                tokenizer=trained.tokenizer,
                device="cpu",
                backend="seq2seq" if encodes else "causal",
                batch_size=4,
            ),
            tasks=["local"],
            task_manager=TaskManager(include_path=str(folder), include_defaults=False),
            bootstrap_iters=0,
        )["results"]["local"]
    return {name: results[f"{name},none"] for name in ("bits_per_byte", "word_perplexity")}


@pytest.fixture(autouse=True)
def _quiet():
    logging.getLogger("lm_eval").setLevel(logging.ERROR)


@pytest.mark.parametrize("name", names())
def test_a_family_that_goes_on_scores_texts_alike(name, tokenizer, tmp_path):
    trained, rows = small_model(name, tokenizer), [{"text": text} for text in SENTENCES[:4]]
    save(trained.model, trained.tokenizer, tmp_path / "model")
    bits = nats = size = tokens = 0
    for row in rows:
        (tmp_path / "um.txt").write_text(row["text"] + "\n", encoding="utf-8")
        alone = prosa.evaluate(tmp_path / "model", tmp_path / "um.txt", raw=True).metrics
        bits, size = bits + alone["bits_per_byte"] * alone["bytes"], size + alone["bytes"]
        nats, tokens = nats + alone["loss"] * alone["tokens"], tokens + alone["tokens"]
    task = {"output_type": "loglikelihood_rolling", "source": "", "target": "{{text}}"}
    found = harness(trained, tmp_path / "task", rows, **task)
    assert found["bits_per_byte"] == pytest.approx(bits / size, rel=1e-4)
    assert found["word_perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-4)


@pytest.mark.parametrize("kind", ["seq2seq", "encoder-decoder"])
def test_a_family_from_pairs_scores_targets_alike(kind, tmp_path):
    paired, rows = pair_model(kind), [{"source": s, "target": t} for s, t in PAIRS]
    save(paired.model, paired.tokenizer, tmp_path / "model")
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "pares.jsonl").write_text("\n".join(lines), encoding="utf-8")
    whole = prosa.evaluate(tmp_path / "model", tmp_path / "pares.jsonl", raw=True).metrics
    task = {"output_type": "loglikelihood", "source": "{{source}}", "target": "{{target}}"}
    found = harness(paired, tmp_path / "task", rows, **task)
    assert found["bits_per_byte"] == pytest.approx(whole["bits_per_byte"], rel=1e-4)
    assert found["word_perplexity"] == pytest.approx(whole["perplexity"], rel=1e-4)

"""A character model of Shakespeare in two minutes: ours beside a plain script."""

import time
from pathlib import Path

from benchmarks.run import SKIPPED, prosa

CONTEXT, ROWS = 64, 32


def report(data: Path) -> str:
    """Validation loss after equal time, last 10% as validation."""
    path = data / "tinyshakespeare" / "input.txt"
    if not path.exists():
        return "## Decoder\n\n" + SKIPPED.format(path=path)
    split = ["--validation", "0.1", "--test", "0"]
    ours = prosa("train", path, "--tokenizer", "char", "--minutes", "2", *split)
    loss, parameters, steps = _plain(path, ours["seconds"])
    return (
        "## Decoder: tinyshakespeare by character\n\n"
        "`prosa train input.txt --tokenizer char --minutes 2 --validation 0.1 --test 0`, beside "
        "transformers' Llama of the same shape with AdamW (learning rate 3e-3, cosine) for as many "
        "seconds. One run each.\n\n"
        "| | nats per character | seconds of training | parameters | steps |\n"
        "|---|---|---|---|---|\n"
        f"| prosa | {ours['validation_loss']:.3f} | {ours['seconds']:.0f} "
        f"| {ours['parameters']:,} | {ours['steps']} |\n"
        f"| plain | {loss:.3f} | {ours['seconds']:.0f} | {parameters:,} | {steps} |\n"
    )


def _plain(path: Path, seconds: float) -> tuple[float, int, int]:
    import math

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    text = path.read_text(encoding="utf-8")
    known = {c: i for i, c in enumerate(sorted(set(text)))}
    ids = torch.tensor([known[c] for c in text])
    cut = int(0.9 * len(ids))
    train, held = ids[:cut], ids[cut:]
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(known),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
    )
    model = LlamaForCausalLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    start, steps = time.perf_counter(), 0
    while (passed := (time.perf_counter() - start) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * passed))
        at = torch.randint(0, len(train) - CONTEXT, (ROWS,))
        batch = torch.stack([train[i : i + CONTEXT] for i in at])
        loss = model(batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps += 1
    return _loss(model.eval(), held), model.num_parameters(), steps


def _loss(model, ids) -> float:
    """Nats per character with at least half a context before each."""
    import torch

    half, total, count = CONTEXT // 2, 0.0, 0
    starts = range(0, len(ids) - CONTEXT, half)
    with torch.inference_mode():
        for first in range(0, len(starts), 256):
            batch = torch.stack([ids[i : i + CONTEXT] for i in starts[first : first + 256]])
            logits, labels = model(batch).logits[:, half - 1 : -1], batch[:, half:]
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), reduction="sum"
            )
            total, count = total + loss.item(), count + labels.numel()
    return total / count

"""Teaching a trained model: prosa beside a plain loop and beside the usual script.

All learn from the same questions with the same start, one after the other, for as many minutes.
What is counted are useful tokens: those of questions and answers, without padding. Afterwards the
answers that were held out are scored by one measure, in nats a token of each answer.

`python -m benchmarks.finetuning MODEL --minutes 5` (MODEL: a folder or a GGUF file).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

SAMPLE = "perguntas"
ROWS, LENGTH = 8, 512
RATE = 3e-4


class Result(NamedTuple):
    """Useful tokens a second, examples seen, and nats a token of held-out answers."""

    name: str
    speed: float
    examples: int
    loss: float


def _data(tokenizer: Any) -> tuple[Any, Any]:
    """The encoded training and held-out parts."""
    from prosa.data.prepare import PrepareOptions, prepare
    from prosa.data.read import read
    from prosa.tasks.task import task

    prepared = prepare(read(SAMPLE), PrepareOptions())
    encode, kind = task("causal").encode, prepared.kind
    folder = Path(tempfile.mkdtemp())
    parts = [
        encode(prepared.splits[name], kind, tokenizer, folder / name) for name in ("train", "test")
    ]
    return parts[0], parts[1]


def _score(model: Any, tokenizer: Any, held_out: Any, limit: int) -> float:
    from prosa.tasks.task import task

    return task("causal").measure(model, tokenizer, held_out.sample(limit))["loss"]


def _adapted(model: Any) -> Any:
    """As PEFT's guide has it: rank 16 on all linear layers."""
    from peft import LoraConfig, get_peft_model

    return get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))


def plain_loop(source: str, seconds: float, limit: int) -> Result:
    """Batches of 8 by length, logits of the answers alone, bfloat16: what one writes who knows."""
    import torch

    from prosa.models.pretrained import load
    from prosa.tokens.documents import Documents

    base, tokenizer = load(source)
    base = base.to(torch.bfloat16)
    train, held_out = _data(tokenizer)
    rows = Documents(train, tokenizer.pad_token_id, LENGTH)
    rows.rows = ROWS
    model = _adapted(base)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE)
    model.train()
    tokens, examples, number, began = 0, 0, 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        if number % (len(rows) // ROWS) == 0:
            rows.set_epoch(number // (len(rows) // ROWS))
        first = ROWS * (number % (len(rows) // ROWS))
        batch = rows.collate(rows.__getitems__(range(first, first + ROWS)))
        counted = batch["labels"][:, 1:] != -100
        hidden = base.model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).last_hidden_state[:, :-1][counted]
        logits = base.get_output_embeddings()(hidden).float()
        torch.nn.functional.cross_entropy(logits, batch["labels"][:, 1:][counted]).backward()
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - spent / seconds)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        number, examples = number + 1, examples + ROWS
        tokens += int(batch["attention_mask"].sum())
    speed = tokens / (time.perf_counter() - began)
    return Result("plain loop", speed, examples, _score(base.eval(), tokenizer, held_out, limit))


def usual_script(source: str, seconds: float, limit: int) -> Result:
    """From the documentation of `Trainer`: padded to 512, labels are the input, its defaults."""
    import torch
    import transformers

    from prosa.models.pretrained import load

    model, tokenizer = load(source)
    if model.dtype == torch.bfloat16:
        model = model.float()  # Trainer's default
    train, held_out = _data(tokenizer)
    offsets = train.offsets.tolist()

    class Padded(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(offsets) - 1

        def __getitem__(self, index: int) -> dict[str, Any]:
            ids = train.tokens[offsets[index] : offsets[index + 1]].astype("int64").tolist()
            row = tokenizer.pad(
                {"input_ids": ids}, padding="max_length", max_length=LENGTH, return_tensors="pt"
            )
            return {**row, "labels": row["input_ids"].clone()}

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
            control.should_training_stop = time.perf_counter() - began > seconds

    arguments = transformers.TrainingArguments(
        tempfile.mkdtemp(), report_to=[], disable_tqdm=True, save_strategy="no", use_cpu=True
    )
    trainer = transformers.Trainer(model, arguments, train_dataset=Padded(), callbacks=[Clock()])
    began = time.perf_counter()
    trainer.train()
    spent = time.perf_counter() - began
    examples = trainer.state.global_step * arguments.train_batch_size
    useful = examples * len(train.tokens) / (len(offsets) - 1)
    return Result(
        "the usual script",
        useful / spent,
        examples,
        _score(model.eval(), tokenizer, held_out, limit),
    )


def ours(source: str, seconds: float, limit: int, *, lora: bool = True) -> Result:
    """`prosa train --from`; its minutes hold loading and scoring too, so steps alone are timed."""
    from prosa.models.pretrained import load
    from prosa.verbs.training import train

    speeds: list[float] = []

    def listen(event: Any) -> None:
        if type(event).__name__ == "Progress" and event.step > 1:
            speeds.append(event.tokens_per_second)

    place = Path(tempfile.mkdtemp()) / "run"
    flags = {"from_model": source, "lora": lora or None, "output": str(place)}
    run = train(SAMPLE, minutes=seconds / 60, listen=listen, **flags)
    model, tokenizer = load(place)
    _train, held_out = _data(tokenizer)
    steps = run.result["steps"]
    loss = _score(model, tokenizer, held_out, limit)
    return Result("prosa", sum(speeds) / max(1, len(speeds)), steps * ROWS, loss)


WAYS = {"prosa": ours, "plain": plain_loop, "usual": usual_script}


def report(_data_folder: Path, model: str, minutes: float = 5.0, limit: int = 10_000) -> str:
    """The table; each way in a process of its own."""
    rows = []
    for name in WAYS:
        words = [name, model, str(60 * minutes), str(limit)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.finetuning", "--one", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append(done.stdout.strip().splitlines()[-1])
    return (
        f"## Teaching a trained model\n\n`{SAMPLE}`, {minutes:g} minutes each, start: {model}\n\n"
        "| | useful tokens/s | examples | held-out answers, nats/token |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def main() -> None:
    """One way, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=4, metavar=("WAY", "MODEL", "SECONDS", "TOKENS"))
    parser.add_argument("model", nargs="?")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--limit", type=int, default=10_000, help="held-out tokens to score")
    given = parser.parse_args()
    if given.one:
        name, model, seconds, limit = given.one
        found = WAYS[name](model, float(seconds), int(limit))
        print(f"| {found.name} | {found.speed:.0f} | {found.examples} | {found.loss:.2f} |")
    else:
        print(report(Path(), given.model, given.minutes, given.limit))


if __name__ == "__main__":
    main()

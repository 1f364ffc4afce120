"""1,250 headlines learned by heart: ours beside the tutorial's way."""

import string
import time
from pathlib import Path

from benchmarks.run import SKIPPED, prosa

FLAGS = "--family lstm --embedding-size 10 --hidden-size 100 --layers 1 --dropout 0.1"
CLEAN = "--tokenizer word --clean lower,punctuation,ascii --validation 0 --test 0"
EPOCHS = 2


def report(data: Path) -> str:
    """Training loss and seconds, and the peer's, extrapolated from two of its 100 epochs."""
    path = data / "nyt-headlines" / "ArticlesMarch2018.csv"
    if not path.exists():
        return "## Headlines\n\n" + SKIPPED.format(path=path)
    runs = [prosa("train", path, *FLAGS.split(), *CLEAN.split()) for _n in range(3)]
    ours = sorted(runs, key=lambda run: run["seconds"])[1]
    peer = _tutorial(path)
    return (
        "## Headlines\n\n"
        f"`prosa train HEADLINES.csv {FLAGS} {CLEAN}`, median of 3. The tutorial's way: every "
        "prefix of every headline padded to the longest, one label each, Adam, batches of 32, "
        f"100 epochs (two were run, {peer:.1f} s each).\n\n"
        "| | nats per word | seconds of training | parameters | vocabulary |\n"
        "|---|---|---|---|---|\n"
        f"| prosa | {ours['train_loss']:.3f} | {ours['seconds']:.1f} | {ours['parameters']:,} "
        f"| {ours['vocabulary']:,} |\n"
        f"| tutorial | 1.12 as published | {100 * peer:.0f} | 441,380 | 3,580 |\n"
    )


def _tutorial(path: Path) -> float:
    """Seconds an epoch of the padded-prefix recipe, in torch."""
    import torch
    from pyarrow import csv
    from torch import nn

    table = csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True))
    lines = [text for text in table["headline"].to_pylist() if text != "Unknown"]
    drop = str.maketrans("", "", string.punctuation)
    words = [
        line.translate(drop).lower().encode("ascii", "ignore").decode().split() for line in lines
    ]
    known = {word: i + 1 for i, word in enumerate(dict.fromkeys(w for ws in words for w in ws))}
    ids = [[known[word] for word in line] for line in words]
    longest = max(map(len, ids))
    prefixes = [line[:end] for line in ids for end in range(2, len(line) + 1)]
    rows = torch.tensor([[0] * (longest - len(p)) + p for p in prefixes])
    inputs, labels = rows[:, :-1], rows[:, -1]
    size = len(known) + 1
    one_hot = nn.functional.one_hot(labels, size).float()
    embedding, lstm = nn.Embedding(size, 10), nn.LSTM(10, 100, batch_first=True)
    dropout, output = nn.Dropout(0.1), nn.Linear(100, size)
    parts = nn.ModuleList([embedding, lstm, dropout, output])
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-3)
    start = time.perf_counter()
    for _epoch in range(EPOCHS):
        for some in torch.randperm(len(rows)).split(32):
            logits = output(dropout(lstm(embedding(inputs[some]))[0][:, -1]))
            loss = -(one_hot[some] * logits.log_softmax(-1)).sum(-1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return (time.perf_counter() - start) / EPOCHS

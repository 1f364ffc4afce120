"""How `prosa serve` bears a load: `python -m benchmarks.serving [--requests 10000]`.

A decoder of five million random weights with a real tokenizer is served by a process of its own;
the clients run here. Every part is bounded in number and time.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.run import environment

CLIENTS, MORE, TOKENS = 32, 200, 64
PATH = "/completions"


def make(folder: Path) -> None:
    """The model; text of invented words gives a tokenizer of 8,000 pieces."""
    from prosa.models.family import Sizes, SpecialIds
    from prosa.models.pretrained import save
    from prosa.models.registry import build, family
    from prosa.tokens.learn import learn

    draw = random.Random(0)
    letters = "aaaeeeooosrnidmutclpvgqbfzhjxéãç"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(20_000)]
    tokenizer = learn([" ".join(draw.choices(words, k=20)) for _ in range(4_000)], "bpe", 8_000)
    sizes = Sizes(context=256, layers=6, hidden_size=192, heads=6)
    model = build(family("decoder"), sizes, len(tokenizer), SpecialIds.of(tokenizer))
    print(f"{sum(one.numel() for one in model.parameters()):,} parameters", file=sys.stderr)
    save(model, tokenizer, folder)


@contextmanager
def served(folder: Path):
    """A server's address and its process; afterwards it ends by SIGTERM with code 0."""
    command = [sys.executable, "-m", "prosa", "serve", str(folder), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as run:
        assert run.stdout is not None
        yield json.loads(run.stdout.readline())["url"], psutil.Process(run.pid)
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 0


def body(tokens: int = TOKENS, **more) -> dict:
    prompt = " ".join(random.choices(["casa", "mar", "vento", "pedra", "livro"], k=12))
    return {"model": "modelo", "prompt": prompt, "max_tokens": tokens, **more}


async def ask(client: httpx.AsyncClient, tokens: int = TOKENS) -> tuple[int, int]:
    """Status and tokens of one request."""
    reply = await client.post(PATH, json=body(tokens))
    read = reply.json().get("usage", {}).get("completion_tokens", 0)
    return reply.status_code, read


async def many(client: httpx.AsyncClient, clients: int, each: int, tokens: int = TOKENS):
    """Some clients at once, each with some requests: tokens a second, and statuses."""

    async def one() -> list[tuple[int, int]]:
        return [await ask(client, tokens) for _ in range(each)]

    begun = time.perf_counter()
    parts = await asyncio.gather(*(one() for _ in range(clients)))
    replies = [reply for part in parts for reply in part]
    seconds = time.perf_counter() - begun
    return sum(read for _s, read in replies) / seconds, Counter(s for s, _r in replies)


async def first_token(client: httpx.AsyncClient) -> float:
    """Milliseconds to the first token at no load."""
    begun = time.perf_counter()
    async with client.stream("POST", PATH, json=body(4, stream=True)) as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data:"):
                return 1000 * (time.perf_counter() - begun)
    raise AssertionError


async def killed(client: httpx.AsyncClient, count: int) -> None:
    """Clients that go away in the middle of their streams."""

    async def one() -> None:
        async with client.stream("POST", PATH, json=body(200, stream=True)) as reply:
            async for _line in reply.aiter_lines():
                return

    for _ in range(count // 20):
        await asyncio.gather(*(one() for _ in range(20)))


async def measure(url: str, process: psutil.Process, requests: int, seconds: float) -> list:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        await many(client, 4, 2)
        first = [await first_token(client) for _ in range(20)]
        alone, _ = await many(client, 1, 6)
        crowd, statuses = await many(client, CLIENTS, 4)
        flood, flooded = await many(client, CLIENTS + MORE, 1)
        before = process.memory_info().rss
        rows = [
            ("first token at no load, median of 20", f"{statistics.median(first):.0f} ms"),
            ("the slowest of them", f"{max(first):.0f} ms"),
            ("one client", f"{alone:.0f} tokens/s"),
            (f"{CLIENTS} clients", f"{crowd:.0f} tokens/s, {crowd / alone:.1f} times"),
            ("their answers", str(dict(statuses))),
            (f"{CLIENTS + MORE} clients", f"{flood:.0f} tokens/s, answers {dict(flooded)}"),
        ]
        done, end, sizes = 0, time.monotonic() + seconds, []
        while done < requests and time.monotonic() < end:
            _, statuses = await many(client, CLIENTS, 10, tokens=4)
            done += sum(statuses.values())
            sizes.append(process.memory_info().rss)
        rows.append((f"memory before {done:,} requests", f"{before / 1e6:.0f} MB"))
        for share in (0.25, 0.5, 1):
            at = sizes[max(0, int(share * len(sizes)) - 1)]
            rows.append((f"after {share:.0%} of them", f"{at / 1e6:.0f} MB"))
        await killed(client, 200)
        await asyncio.sleep(1)
        gauges = (await client.get(url.removesuffix("/v1") + "/metrics")).text.splitlines()
        left = [line for line in gauges if line.startswith(("prosa_waiting{", "prosa_running{"))]
        rows.append(("after 200 clients killed in streams", "; ".join(left)))
        rows.append(("memory then", f"{process.memory_info().rss / 1e6:.0f} MB"))
    await asyncio.sleep(0.5)
    open_ones = [one for one in process.net_connections() if one.status == "ESTABLISHED"]
    rows.append(("connections then", str(len(open_ones))))
    return rows


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=600, help="of the requests, at most")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "modelo"
        make(folder)
        with served(folder) as (url, process):
            rows = asyncio.run(measure(url, process, arguments.requests, arguments.seconds))
    cores = f"{os.cpu_count()} cores"
    print(f"| `prosa serve`, a decoder of 5 million weights, {cores} | |\n|---|---|")
    print("\n".join(f"| {what} | {value} |" for what, value in rows))


if __name__ == "__main__":
    main()

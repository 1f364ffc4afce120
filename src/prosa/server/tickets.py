"""What is on its way for one request, from a worker's thread to the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

from fastapi import Request

from prosa.generation.batch import Row
from prosa.server.engines import Engine
from prosa.server.metrics import Metrics
from prosa.server.worker import Job


class Ticket:
    """Jobs of one request, and what comes of them.

    Args:
        engine: What works for it.
        metrics: Are told of tokens and of the first one.
        work: The texts that are written, or other work.

    Raises:
        BusyError: There is no place for all of them.
    """

    def __init__(
        self, engine: Engine, metrics: Metrics, work: Sequence[Row] | Iterator[Any]
    ) -> None:
        self._engine, self._metrics = engine, metrics
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self._begun = time.perf_counter()
        self.rows = list(work) if isinstance(work, Sequence) else []
        self.jobs = [Job(partial(self._put, n), row) for n, row in enumerate(self.rows)]
        if not isinstance(work, Sequence):
            self.jobs = [Job(partial(self._put, 0), work=work)]
        engine.worker.submit(*self.jobs)

    def _put(self, number: int, item: Any) -> None:
        self._loop.call_soon_threadsafe(self._items.put_nowait, (number, item))

    async def items(self) -> AsyncIterator[tuple[int, Any]]:
        """What comes, with the number of its job.

        Raises:
            Exception: A job has failed.
        """
        left, first = len(self.jobs), True
        try:
            while left:
                number, item = await self._items.get()
                if isinstance(item, Exception):
                    raise item
                if item is None:
                    left -= 1
                    continue
                if first and self.rows:
                    self._metrics.first(self._engine.name, time.perf_counter() - self._begun)
                    first = False
                yield number, item
        finally:
            self.close()

    def close(self) -> None:
        """Free the places; called when the client has gone, too."""
        for job in self.jobs:
            job.gone = True
        rows, self.rows = self.rows, []
        self._metrics.wrote(self._engine.name, sum(row.written for row in rows))


async def unless_gone(request: Request, work: Any) -> Any:
    """The result of some work, which is cancelled when the client goes away; None then."""
    task = asyncio.ensure_future(work)

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        task.cancel()

    watcher = asyncio.ensure_future(watch())
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        watcher.cancel()
        task.cancel()

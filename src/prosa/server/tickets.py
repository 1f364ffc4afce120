"""What is on its way for one request, from a worker's thread to the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

from fastapi import HTTPException, Request

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
        self, engine: Engine, metrics: Metrics, work: Sequence[Row | Iterator[Any]]
    ) -> None:
        self._engine, self._metrics = engine, metrics
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self._begun = time.perf_counter()
        self.jobs = [Job(partial(self._put, number), one) for number, one in enumerate(work)]
        self.rows = [job.row for job in self.jobs if job.row is not None]
        engine.worker.submit(*self.jobs)
        metrics.read(engine.name, sum(row.read for row in self.rows))

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

    async def whole(self, request: Request) -> list[list[Any]]:
        """All that comes, by job.

        Raises:
            Exception: A job has failed.
            HTTPException: The client went away; nobody reads the answer.
        """
        task = asyncio.ensure_future(self._whole())

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            task.cancel()

        watcher = asyncio.ensure_future(watch())
        try:
            return await task
        except asyncio.CancelledError:
            raise HTTPException(499) from None
        finally:
            watcher.cancel()
            task.cancel()

    async def _whole(self) -> list[list[Any]]:
        items: list[list[Any]] = [[] for _job in self.jobs]
        async for number, item in self.items():
            items[number].append(item)
        return items

    def close(self) -> None:
        """Free the places; called when the client has gone, too."""
        for job in self.jobs:
            job.gone = True
        rows, self.rows = self.rows, []
        self._metrics.wrote(self._engine.name, sum(row.written for row in rows))

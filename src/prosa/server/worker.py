"""One thread a model: it steps everything that is asked of the model at the same time.

Texts are written together, each from the step after its prompt came (`generation/batch.py`); other
work (vectors, a question to an index) is done in parts between the steps. What is more than the
model takes at a time waits, and what is more than may wait is refused.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from prosa.errors import InputError, ProsaError
from prosa.generation.batch import Batch, Row
from prosa.i18n import _

_READ = 8_192
"""Tokens of prompts, with their padding, that are read in one step: others wait meanwhile."""


class BusyError(ProsaError):
    """Too many are waiting already.

    Attributes:
        seconds: After which it is worth to ask again.
    """

    def __init__(self) -> None:
        super().__init__(_("Too many requests are waiting"), hint=_("Ask again in a moment"))
        self.seconds = 1


class Job:
    """A text that is written for somebody, or other work.

    Args:
        put: Is given each `Step` of a text, or each part of the work; at last None, or the error
            that ended it. Called in the worker's thread.
        work: The text, or what gives the parts of other work.

    Attributes:
        gone: Set by who asked, and is there no longer: the place is free again.
    """

    def __init__(self, put: Callable[[Any], None], work: Row | Iterator[Any]) -> None:
        self.put = put
        self.row = work if isinstance(work, Row) else None
        self.work = None if isinstance(work, Row) else work
        self.gone = False


class Worker:
    """Works for one model.

    Args:
        begin: Makes an empty batch; None where only other work is done.
        most: Jobs at a time.
        waiting: Jobs that wait at most.
    """

    def __init__(self, begin: Callable[[], Batch] | None, most: int, waiting: int) -> None:
        self._begin = begin
        self._batch = begin() if begin else None
        self._most, self._longest = most, waiting
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._changed = threading.Condition()
        self._closed = self._finish = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """Jobs at work."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return len(self._waiting)

    @property
    def jobs(self) -> int:
        """Jobs at work or waiting."""
        return self.running + self.waiting

    def submit(self, *jobs: Job) -> None:
        """Take jobs, all or none.

        Raises:
            BusyError: There is no place for them.
        """
        with self._changed:
            self._waiting = deque(job for job in self._waiting if not job.gone)
            free = max(0, self._most - len(self._running))
            if len(self._waiting) + len(jobs) > self._longest + free or self._closed:
                raise BusyError
            self._waiting.extend(jobs)
            self._changed.notify()

    def close(self, *, finish: bool = False) -> None:
        """End, at once or when all jobs are done; whoever still waits is told that it is over."""
        with self._changed:
            self._closed, self._finish = True, finish
            self._changed.notify()

    def _run(self) -> None:
        while self._next():
            try:
                self._step()
            except Exception as error:  # whatever it was, the others after it must be served
                for job in self._running:
                    self._give(job, error)
                self._running = []
                self._batch = self._begin() if self._begin else None
        over = ProsaError(_("The server ends"))
        for job in (*self._running, *self._waiting):
            self._give(job, over)

    def _next(self) -> bool:
        """Wait for something to do; let those in who waited. False at the end."""
        with self._changed:
            while not (self._closed or self.jobs):
                self._changed.wait()
            if self._closed and not (self._finish and self.jobs):
                return False
            for job in [job for job in self._running if job.gone]:
                self._leave(job)
            self._let_in()
            return True

    def _let_in(self) -> None:
        """Begin as many as there is room for; prompts that are read together are padded alike."""
        longest = begun = 0
        while self._waiting and len(self._running) < self._most:
            job = self._waiting[0]
            longest = max(longest, len(job.row.ids) if job.row else 0)
            begun += 1
            if begun > 1 and begun * longest > _READ:
                return
            self._waiting.popleft()
            if job.gone:
                continue
            self._running.append(job)
            if job.row is not None and self._batch is not None:
                try:
                    self._batch.add(job.row)
                except InputError as error:
                    self._give(job, error)

    def _leave(self, job: Job) -> None:
        self._running = [other for other in self._running if other is not job]
        if job.row is not None and self._batch is not None:
            self._batch.drop(job.row)

    def _step(self) -> None:
        for job in list(self._running):
            if job.work is None:
                continue
            try:
                self._give(job, next(job.work, None))
            except Exception as error:  # it is this one's alone
                self._give(job, error)
        if self._batch is None or not len(self._batch):
            return
        writing = {job.row: job for job in self._running if job.row is not None}
        for row, step in self._batch.step():
            self._give(writing[row], step)
            if step.finish:
                self._give(writing[row], None)

    def _give(self, job: Job, item: Any) -> None:
        if item is None or isinstance(item, Exception):
            self._running = [other for other in self._running if other is not job]
        try:
            job.put(item)
        except RuntimeError:  # the loop that waited has ended
            job.gone = True

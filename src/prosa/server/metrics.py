"""What `/metrics` tells: requests, tokens, who waits, and how long for the first token."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from prosa.server.engines import Engines

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Counts of one application."""

    def __init__(self, engines: Engines) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("prosa_requests", "Requests", ["route", "status"], registry=None)
        self._read = Counter("prosa_prompt_tokens", "Tokens read", ["model"], registry=None)
        self._wrote = Counter("prosa_written_tokens", "Tokens written", ["model"], registry=None)
        name, what = "prosa_first_token_seconds", "From the request to its first token"
        self._first = Histogram(name, what, ["model"], buckets=_SECONDS, registry=None)
        for kept in (self._requests, self._read, self._wrote, self._first, _Queues(engines)):
            self._registry.register(kept)

    def request(self, route: str, status: int) -> None:
        """A request was answered."""
        self._requests.labels(route, status).inc()

    def read(self, model: str, tokens: int) -> None:
        """A prompt was read."""
        self._read.labels(model).inc(tokens)

    def wrote(self, model: str, tokens: int) -> None:
        """A text was written, or broken off."""
        self._wrote.labels(model).inc(tokens)

    def first(self, model: str, seconds: float) -> None:
        """The first token came."""
        self._first.labels(model).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' format."""
        return generate_latest(self._registry)


class _Queues:
    """Who waits and who is served, looked up when asked."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        for name, what in (("waiting", "Texts that wait"), ("running", "Texts being written")):
            gauge = GaugeMetricFamily(f"prosa_{name}", what, labels=["model"])
            for engine in self._engines.loaded():
                gauge.add_metric([engine.name], getattr(engine.worker, name))
            yield gauge

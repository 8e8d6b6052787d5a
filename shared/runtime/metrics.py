"""Figures of a process for Prometheus, and the internal port that shows them.

A process has one registry of its own, without what prometheus-client collects about the interpreter by itself.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    MetricsHandler,
    disable_created_metrics,
)

from shared.errors import BadInput

CONNECTIONS_MAX = 16
MESSAGES = "sandan_messages_handled_total"
MESSAGE_AGE = "sandan_message_age_seconds"
SET_ASIDE = "sandan_messages_set_aside_total"
PASSED_OVER = "sandan_messages_passed_over_total"
HANDLER_SECONDS, HANDLER_DURATION = "sandan_handler_seconds_total", "sandan_handler_duration_seconds"
TICKS, TICK_SECONDS = "sandan_ticks_total", "sandan_tick_seconds_total"
TICK_DURATION = "sandan_tick_duration_seconds"
TICKS_UNDONE = "sandan_ticks_undone_total"
PUBLISHED = "sandan_messages_published_total"
BROKER_SILENCE, BROKER_OWING = "sandan_broker_silence_seconds", "sandan_broker_owing_seconds"
REQUEST_DURATION = "sandan_http_request_duration_seconds"
FORECAST_NMAE = "sandan_forecast_nmae_ratio"
FORECAST_COVERAGE = "sandan_forecast_coverage_ratio"
FORECAST_SKILL = "sandan_forecast_skill_rmse_ratio"
FORECAST_DRIFTING = "sandan_forecast_drifting"

# From one row in SQLite to a database or a solver that is waited for.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# When a counter began would be one more gauge for each; nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it without types

Kind = TypeVar("Kind", Counter, Gauge, Histogram)


@dataclass(frozen=True)
class Metric:
    """One metric that a process may have, with its own labels; each process adds `service`."""

    kind: type[Counter | Gauge | Histogram]
    meaning: str
    labels: tuple[str, ...] = ()


_SITE = ("complex_id", "kind", "site_id")
METRICS = {
    MESSAGES: Metric(Counter, "Messages taken in, by type.", ("type",)),
    MESSAGE_AGE: Metric(Gauge, "Age of the newest message when it was taken in, by the service's clock: its lag."),
    SET_ASIDE: Metric(Counter, "Messages that went to the dead letters."),
    PASSED_OVER: Metric(Counter, "Messages of complexes that are not served, by type.", ("type",)),
    HANDLER_SECONDS: Metric(Counter, "Seconds in handlers, by type of message.", ("type",)),
    HANDLER_DURATION: Metric(Histogram, "Seconds that one message took in its handler, by type.", ("type",)),
    TICKS: Metric(Counter, "Ticks."),
    TICK_SECONDS: Metric(Counter, "Seconds in ticks."),
    TICK_DURATION: Metric(Histogram, "Seconds that one tick took."),
    TICKS_UNDONE: Metric(Counter, "Ticks undone because an event of theirs was too large for the bus."),
    PUBLISHED: Metric(Counter, "Messages that the broker has taken."),
    BROKER_SILENCE: Metric(Gauge, "Seconds since the broker last answered."),
    BROKER_OWING: Metric(Gauge, "For how long messages wait of which the broker takes none, or rounds fail at it."),
    REQUEST_DURATION: Metric(
        Histogram, "Seconds until the answer to an HTTP request began, by its route.", ("method", "route", "status")
    ),
    FORECAST_NMAE: Metric(
        Gauge, "Mean absolute error of the last days' forecasts, by lead in hours.", (*_SITE, "lead_hours")
    ),
    FORECAST_COVERAGE: Metric(Gauge, "Share of what came between P10 and P90.", (*_SITE, "lead_hours")),
    FORECAST_SKILL: Metric(Gauge, "1 - RMSE / RMSE of the reference.", (*_SITE, "lead_hours")),
    FORECAST_DRIFTING: Metric(Gauge, "1 where near forecasts err much more today than before.", _SITE),
}


class Metrics:
    """A process's figures; threads may share it."""

    def __init__(self, **labels: str) -> None:
        self.registry = CollectorRegistry()
        self._common = labels
        self._metrics = {name: self._made(name, metric) for name, metric in METRICS.items()}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._labelled(Counter, name, labels).inc(by)

    def show(self, name: str, figure: float, **labels: str) -> None:
        """Set a gauge."""
        self._labelled(Gauge, name, labels).set(figure)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add a duration to a histogram."""
        self._labelled(Histogram, name, labels).observe(seconds)

    def _made(self, name: str, metric: Metric) -> Counter | Gauge | Histogram:
        labels = (*self._common, *metric.labels)
        if metric.kind is Histogram:
            return Histogram(name, metric.meaning, labels, registry=self.registry, buckets=BUCKETS_S)
        return metric.kind(name, metric.meaning, labels, registry=self.registry)

    def _labelled(self, kind: type[Kind], name: str, labels: dict[str, str]) -> Kind:
        metric = self._metrics[name]
        if not isinstance(metric, kind):
            known, used = type(metric).__name__.lower(), kind.__name__.lower()
            raise ValueError(f"{name} must be a {known}, was used as a {used}")  # noqa: TRY004 -- a name of ours
        given = {**self._common, **labels}
        return metric.labels(**given) if given else metric


class _Server(ThreadingHTTPServer):
    """A server that answers so many at a time, and sends the others away: a thread and a descriptor each."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._places = threading.BoundedSemaphore(CONNECTIONS_MAX)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Say whether there is a place, and take it."""
        del request, client_address
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one, and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that left."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # only printed


@contextmanager
def served(metrics: Metrics, host: str, port: int | None) -> Iterator[int | None]:
    """Serve `GET /metrics` in a thread of its own while the context lasts; yield the port, None where there is none.

    Raises:
        BadInput: The port is taken, or the host is none of this machine's.
    """
    if port is None:
        yield None
        return

    class Handler(MetricsHandler):
        registry = metrics.registry
        timeout = 10

        def do_GET(self) -> None:  # noqa: N802 -- http.server calls it by this name
            if self.path.partition("?")[0] == "/metrics":
                super().do_GET()
            else:
                self.send_error(HTTPStatus.NOT_FOUND, "only /metrics is here")

    try:
        server = _Server((host, port), Handler)
    except OSError as error:
        rule = f"must be an address that can be listened on ({error.strerror})"
        raise BadInput(where="environment", field="SANDAN_METRICS_PORT", rule=rule, value=f"{host}:{port}") from None
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The way out: what is in a service's outbox goes to the bus, in order, and is dropped once the bus has it."""

import threading

from sqlalchemy.engine import Engine

from shared import failpoints
from shared.bus.port import Bus, BusUnavailable, Publisher
from shared.clock import monotonic_s, pause
from shared.db import messaging
from shared.db.writer import Begin
from shared.runtime import metrics
from shared.runtime.metrics import Metrics

OUTBOX_BATCH = 500
# A long backlog goes out beside what comes in: it holds up neither the next messages nor a stop for long.
OUTBOX_BATCHES_A_ROUND = 10
# Who puts something into the outbox says so; this is how long it waits where another process did.
LOOK_EVERY_S = 1.0
# What comes singly goes out in turns: each costs the broker, the reader and the answer's reader a batch of its own.
TURN_S = 0.05


class OutboxPublisher:
    """Publishes one service's outbox. One thread at a time may publish; any may say that there is something."""

    def __init__(self, service: str, bus: Bus, engine: Engine, figures: Metrics, begin: Begin | None = None) -> None:
        self._service = service
        self._begin: Begin = engine.begin if begin is None else begin
        self._bus = bus
        self._engine = engine
        self._metrics = figures
        self._publisher: Publisher | None = None
        self._woken = threading.Event()
        self._turn_at_s = 0.0

    def wake(self) -> None:
        """Say from any thread that something was committed which has to go out."""
        self._woken.set()

    def wait(self) -> None:
        """Wait until there may be something to publish, and the last turn has begun a while ago."""
        self._woken.wait(LOOK_EVERY_S)
        pause(max(0.0, self._turn_at_s + TURN_S - monotonic_s()))
        self._turn_at_s = monotonic_s()
        self._woken.clear()

    def connect(self) -> None:
        """Open the way out; a broker that is away is found out by it."""
        if self._publisher is None:
            self._publisher = self._bus.publisher(self._service)

    def publish(self) -> None:
        """Publish what there is, up to a limit, and drop what the broker has acknowledged.

        Raises:
            BusUnavailable: The broker is away; what was not dropped goes out again, under the same ids.
        """
        try:
            self._publish()
        except BusUnavailable:
            # Nobody may ever call again for what waits here.
            self.wake()
            raise

    def _publish(self) -> None:
        for _ in range(OUTBOX_BATCHES_A_ROUND):
            with self._engine.connect() as db:
                rows = messaging.unsent(db, OUTBOX_BATCH)
            self._bus.acknowledged.outbox_has(len(rows))
            if not rows:
                return
            self.connect()
            assert self._publisher is not None  # noqa: S101 -- opened above; narrows the type
            self._publisher.publish(message for _, message in rows)
            self._bus.acknowledged.published()
            failpoints.reach("before_mark_sent")
            with self._begin() as db:
                messaging.mark_sent(db, [position for position, _ in rows])
            self._metrics.count(metrics.PUBLISHED, len(rows))
        self.wake()

    def close(self) -> None:
        """Let go of the bus."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

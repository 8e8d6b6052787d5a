"""A process of the real run loop for the recovery tests: it counts each order it takes in and forwards its acceptance.

Arguments: the complex it looks at, and `--without-inbox` for the control that has to count twice.
"""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from shared.bus.acknowledged import Acknowledged
from shared.bus.port import Bus, Consumed, Consumer, Publisher, nothing_consumed
from shared.db import messaging
from shared.events.base import Envelope, Event
from shared.events.market import OrderAccepted
from shared.events.orders import OrderSubmitted
from shared.runtime.entry import run
from shared.runtime.runloop import Service
from shared.runtime.service_main import open_context, serve, stop_on_signals

LAST = "the-last-order"

TIMES = sa.Table(
    "times_counted",
    sa.MetaData(),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("times", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True)
class GroupOfItsOwn:
    """A bus whose consumers share their offsets only with those of the same test."""

    bus: Bus
    test: str

    def consumer(self, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed) -> Consumer:
        """Join the test's group."""
        return self.bus.consumer(f"{service}-{self.test}", topics, consumed)

    def publisher(self, service: str) -> Publisher:
        """Open the way out."""
        return self.bus.publisher(service)

    @property
    def acknowledged(self) -> Acknowledged:
        """Return what the broker last acknowledged to any of them."""
        return self.bus.acknowledged

    def heed(self, stop: threading.Event) -> None:
        """Wait for the broker no more once `stop` is set."""
        self.bus.heed(stop)


def count(db: Connection, order_id: str) -> None:
    """Add one to an order's count: an effect that a repeat would show."""
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    first = dialect.insert(TIMES).values(order_id=order_id, times=1)
    db.execute(first.on_conflict_do_update(index_elements=["order_id"], set_={"times": TIMES.c.times + 1}))


def counts(db: Connection) -> dict[str, int]:
    """Return how often each order was counted."""
    return {row.order_id: row.times for row in db.execute(sa.select(TIMES))}


def turn_the_inbox_off() -> None:
    """Let every message look new."""
    messaging.already_taken = lambda *_: set()
    messaging.mark_taken = lambda *_, **__: None


def main() -> None:
    """Count until the last order is counted and its acceptance is out."""
    complex_id, *options = sys.argv[1:]
    context = open_context("market")
    stop = stop_on_signals()
    forwards = not options

    def on_order(envelope: Envelope[Any], db: Connection) -> list[Event]:
        order = envelope.event
        count(db, order.order_id)
        accepted = OrderAccepted(
            complex_id=complex_id,
            order_id=order.order_id,
            participant_id=order.participant_id,
            delivery_start=order.delivery_start,
        )
        return [accepted] if forwards else []

    def stop_when_done(now: datetime, db: Connection) -> list[Event]:
        del now
        if LAST in counts(db) and not messaging.unsent(db, 1):
            stop.set()
        return []

    if options == ["--without-inbox"]:
        turn_the_inbox_off()
    service = Service(name="market", complexes={complex_id}, handlers={OrderSubmitted: on_order}, tick=stop_when_done)
    serve(service, replace(context, bus=GroupOfItsOwn(context.bus, complex_id)), stop)


if __name__ == "__main__":
    run(main)

"""How long an order waits for the market's word: python -m benchmarks.orders [SECONDS].

200 orders/s for a minute, through a real broker into a real market process; each must be answered by exactly one order
event. The time is from before the order is published until its event has been received.
"""

import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from cli.processes import Child
from shared.bus.kafka.bus import KafkaBus
from shared.complex.model import load_complex
from shared.db.migrating import upgrade
from shared.events.base import Envelope, named_id
from shared.events.market import OrderAccepted, OrderRejected
from shared.events.orders import OrderSubmitted
from shared.events.records import Side
from shared.events.wire import decode, encode
from shared.intervals import INTERVAL, interval_of
from shared.paths import DEMO_COMPLEX
from tests.broker import open_broker

ORDERS_PER_S, SECONDS = 200, 60
# One turn of the writer: what it would commit, and publish, at once.
TURN_S = 0.02
COMPLEX = load_complex(DEMO_COMPLEX)
ORDERS_PER_BOOK = 20 * len(COMPLEX.participants)
ANSWER_WAIT_S = 60.0


def an_order(number: int, now: datetime) -> OrderSubmitted:
    """Return the n-th order: participants in turn, twenty each in a book, the first book half a day ahead."""
    participant = COMPLEX.participants[number % len(COMPLEX.participants)]
    return OrderSubmitted(
        complex_id=COMPLEX.complex_id,
        order_id=f"order-{number}",
        client_order_id=f"order-{number}",
        participant_id=participant.participant_id,
        delivery_start=interval_of(now) + timedelta(hours=12) + number // ORDERS_PER_BOOK * INTERVAL,
        side=Side.SELL if participant.pv and number % 3 == 0 else Side.BUY,
        price_jeon_per_kwh=10_000 + number % 5_000,
        quantity_wh=1_000 + number % 500,
        submitted_at=now,
        writer="trading_api",
        sequence=number + 1,
    )


@contextmanager
def running_market(folder: Path) -> Iterator[KafkaBus]:
    """Start a broker and the market's own process on it."""
    broker = open_broker(folder, lambda message: print(f"orders    {message}"))
    base_url = f"sqlite:///{folder / 'data'}"
    upgrade(base_url, "market")
    settings = {
        "SANDAN_COMPLEXES": json.dumps([str(DEMO_COMPLEX)]),
        "SANDAN_DATABASE_URL": base_url,
        "SANDAN_RUN_DIR": str(folder / "run"),
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
    }
    market = Child("market", [sys.executable, "-m", "services.market"], settings, folder / "market.log")
    market.start()
    print(f"orders    broker {broker.kind}")
    try:
        yield KafkaBus(broker.bootstrap_servers)
    finally:
        market.stop()
        broker.stop()


class Answers(threading.Thread):
    """Receives the market's order events, and when each came."""

    def __init__(self, bus: KafkaBus) -> None:
        super().__init__(daemon=True)
        self._member = bus.consumer("benchmark", ["market.orders.v1"])
        self.received_at_s: dict[str, float] = {}
        self.count: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.stop = threading.Event()

    def run(self) -> None:
        """Poll until told to stop."""
        while not self.stop.is_set():
            for one in self._member.poll(0.05):
                event = decode(one.message).event
                if isinstance(event, OrderAccepted | OrderRejected):
                    self.received_at_s.setdefault(event.order_id, time.perf_counter())
                    self.count[event.order_id] += 1
                    self.kinds[type(event).__name__] += 1
        self._member.close()


def submit(bus: KafkaBus, orders: int, first: int = 0) -> dict[str, float]:
    """Publish orders at their rate and return when each was handed over."""
    publisher = bus.publisher("trading_api")
    sent_at_s: dict[str, float] = {}
    started_s = time.perf_counter()
    done = 0
    while done < orders:
        due = min(orders, int((time.perf_counter() - started_s) * ORDERS_PER_S) + 1)
        messages = []
        for number in range(first + done, first + due):
            now = datetime.now(UTC)
            order = an_order(number, now)
            event_id = named_id("benchmark", number)
            envelope = Envelope(event_id=event_id, occurred_at=now, source="trading_api", event=order)
            messages.append(encode(envelope, topic="trading_api.orders.v1", key=order.complex_id))
            sent_at_s[order.order_id] = time.perf_counter()
        publisher.publish(messages)
        done = due
        time.sleep(TURN_S)
    publisher.close()
    return sent_at_s


def main() -> int:
    """Print the waits, and return 1 where an order was not answered by exactly one event."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    orders = ORDERS_PER_S * seconds
    with tempfile.TemporaryDirectory(prefix="sandan-orders-") as folder, running_market(Path(folder)) as bus:
        answers = Answers(bus)
        answers.start()
        # The first orders wait for processes to start and groups to form, which is not what is measured.
        warm = submit(bus, ORDERS_PER_S)
        _wait(answers, len(warm))
        started_s = time.perf_counter()
        sent_at_s = submit(bus, orders, first=len(warm))
        submitting_s = time.perf_counter() - started_s
        _wait(answers, len(warm) + orders)
        answers.stop.set()
        answers.join()
    waits_ms = [
        1e3 * (answers.received_at_s[order_id] - at_s)
        for order_id, at_s in sent_at_s.items()
        if order_id in answers.received_at_s
    ]
    once = sum(answers.count[order_id] == 1 for order_id in sent_at_s)
    p50, p99 = np.percentile(waits_ms, [50, 99])
    kept = once == orders
    print(f"orders    {orders} in {submitting_s:.1f} s, {orders / submitting_s:.0f} orders/s, {dict(answers.kinds)}")
    print(f"orders    answered by exactly one event: {once} of {orders}   {'ok' if kept else 'MISSED'}")
    print(f"orders    from submission to event: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return 0 if kept else 1


def _wait(answers: Answers, orders: int) -> None:
    give_up_at_s = time.perf_counter() + ANSWER_WAIT_S
    while len(answers.count) < orders and time.perf_counter() < give_up_at_s:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())

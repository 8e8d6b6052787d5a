"""A broker whose messages of one writer come five seconds late: no order that was stamped before the gate is lost."""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from cli.brokers import Broker
from services.market import handlers, store
from shared.bus.kafka.bus import KafkaBus
from shared.bus.port import Publisher
from shared.clock import monotonic_s
from shared.complex.complexes import Complexes
from shared.db.engine import open_engine
from shared.events.base import Envelope, Event, named_id
from shared.events.market import AuctionCleared, OrderAccepted, OrderRejected
from shared.events.topics import topic_written_by
from shared.events.wire import Message, decode, encode
from shared.runtime.runloop import RunLoop
from simulation.clock import ManualClock
from tests.component.market.market_facts import ALARM, COMPLEX, GATE, LAST_MOMENT, a_buy, a_seal, a_sell
from tests.contract.counting_service import GroupOfItsOwn

DELAY_S = 5.0
ORDERS = 30
GIVE_UP_S = 600.0


class LateWriter:
    """A writer whose messages reach the broker five seconds after they were written."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: deque[tuple[float, Message]] = deque()

    def write(self, message: Message) -> None:
        """Hand a message over."""
        self._waiting.append((monotonic_s() + DELAY_S, message))

    def publish_due(self) -> None:
        """Publish what is five seconds old."""
        while self._waiting and self._waiting[0][0] <= monotonic_s():
            self._publisher.publish([self._waiting.popleft()[1]])


def a_message(event: Event, complex_id: str, producer: str) -> Message:
    own = event.model_copy(update={"complex_id": complex_id})
    topic = topic_written_by(producer, own)
    event_id = named_id(complex_id, own.model_dump_json())
    envelope = Envelope(event_id=event_id, occurred_at=GATE, source=producer, event=own)
    return encode(envelope, topic=topic.name, key=topic.key_of(own))


def test_orders_that_come_five_seconds_late_are_all_in_their_auction(broker: Broker, tmp_path: Path) -> None:
    complex_id = f"late-{uuid4().hex}"
    bus = KafkaBus(broker.bootstrap_servers)
    service = handlers.service(Complexes(COMPLEX.model_copy(update={"complex_id": complex_id})), seal_alarm=ALARM)
    engine = open_engine(sa.make_url(f"sqlite:///{tmp_path / 'market.db'}"))
    store.METADATA.create_all(engine)
    market = RunLoop(service, GroupOfItsOwn(bus, complex_id), engine, ManualClock(GATE))
    prompt, slow = bus.publisher("scheduler"), bus.publisher("trading_api")
    late = LateWriter(slow)
    answers = GroupOfItsOwn(bus, f"answers-{complex_id}").consumer("test", ["market.orders.v1", "market.auctions.v1"])
    published: list[Event] = []

    def run_until(done: Callable[[], bool]) -> None:
        give_up_at_s = monotonic_s() + GIVE_UP_S
        while not done() and monotonic_s() < give_up_at_s:
            late.publish_due()
            market.step(0.05)
            # The broker is the session's: what other tests wrote to the topic stays unread.
            ours = [one.message for one in answers.poll(0.05) if one.message.key == complex_id]
            published.extend(decode(message).event for message in ours)

    # Every order is stamped before the gate, the last one a microsecond before it; the seals follow at once.
    stamps = [LAST_MOMENT - timedelta(seconds=n) for n in range(ORDERS)][::-1]
    prompt.publish(a_message(event, complex_id, "scheduler") for event in (a_sell(at=stamps[0]), a_seal("scheduler")))
    run_until(lambda: any(isinstance(event, OrderAccepted) for event in published))
    for number, stamp in enumerate(stamps, start=1):
        order = a_buy(f"b{number}", at=stamp).model_copy(update={"sequence": number})
        late.write(a_message(order, complex_id, "trading_api"))
    late.write(a_message(a_seal("trading_api"), complex_id, "trading_api"))
    written_at_s = monotonic_s()
    run_until(lambda: monotonic_s() >= written_at_s + DELAY_S - 0.5)
    assert not [event for event in published if isinstance(event, AuctionCleared)]

    run_until(lambda: any(isinstance(event, AuctionCleared) for event in published))

    [auction] = [event for event in published if isinstance(event, AuctionCleared)]
    assert {fill.order_id for fill in auction.fills} == {"s1", *(f"b{n}" for n in range(1, ORDERS + 1))}
    assert not [event for event in published if isinstance(event, OrderRejected)]
    assert auction.volume_wh == 10_000
    for one in (prompt, slow, answers, market):
        one.close()
    engine.dispose()

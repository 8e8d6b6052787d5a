"""What the run loop promises, on the memory bus: once each, in order, nothing lost, bad ones set aside."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import generate_latest
from sqlalchemy.engine import Connection, Engine

from shared.bus.port import BusUnavailable, Consumer
from shared.db import messaging
from shared.db.engine import open_engine
from shared.db.tables import new_metadata
from shared.events.base import Envelope, Event, derived_id, named_id
from shared.events.deadletters import MessageSetAside
from shared.events.market import MarketHalted, OrderAccepted
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from shared.events.records import Side
from shared.events.topics import PARTITIONS, partition_of
from shared.events.wire import Message, decode, encode
from shared.runtime.handlers import Caused, absolute, handlers_of
from shared.runtime.metrics import Metrics
from shared.runtime.publishing import OutboxPublisher
from shared.runtime.runloop import FORGET_EVERY_S, RuleBroken, RunLoop, Service
from simulation.bus import MemoryBus
from simulation.clock import ManualClock

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
METADATA = new_metadata()
TAKEN = sa.Table("taken", METADATA, sa.Column("order_id", sa.Text, nullable=False))


class Market:
    """A service that notes every order and accepts it, but for one that breaks a rule, on a bus and a database."""

    def __init__(self, folder: Path) -> None:
        self.bus = MemoryBus()
        self.clock = ManualClock(NOON)
        self.elapsed_s = 0.0
        self.broken = False
        self.reason = "one o'clock"
        self.figures = Metrics()
        self.engine: Engine = open_engine(sa.make_url(f"sqlite:///{folder / 'market.db'}"))
        METADATA.create_all(self.engine)
        self.service = Service(
            name="market", complexes={"c"}, handlers={OrderSubmitted: self.on_order}, tick=self.on_time
        )
        self.restart()

    def restart(self) -> None:
        """Begin with an empty memory, as a process does."""
        self.loop = RunLoop(
            self.service, self.bus, self.engine, self.clock, lambda: self.elapsed_s, figures=self.figures
        )

    def on_order(self, envelope: Envelope[OrderSubmitted], db: Connection) -> Sequence[Event]:
        """Take an order in."""
        order = envelope.event
        if order.order_id == "against-the-rules":
            raise RuleBroken("quantity_kwh must be > 0, was -1")
        if self.broken:
            raise ZeroDivisionError
        if order.order_id == "answered-at-length":
            db.execute(sa.insert(TAKEN).values(order_id=order.order_id))
            return [MarketHalted(complex_id="c", halted_at=NOON, reason="x" * 1_000_000, operator="market")]
        db.execute(sa.insert(TAKEN).values(order_id=order.order_id))
        facts = {"participant_id": order.participant_id, "delivery_start": order.delivery_start}
        return [OrderAccepted(complex_id=order.complex_id, order_id=order.order_id, **facts)]

    def on_time(self, now: datetime, db: Connection) -> Sequence[Event]:
        """Halt at one o'clock, once."""
        done = db.scalar(sa.select(TAKEN.c.order_id).where(TAKEN.c.order_id == "halted"))
        if now < NOON + timedelta(hours=1) or done:
            return []
        db.execute(sa.insert(TAKEN).values(order_id="halted"))
        return [MarketHalted(complex_id="c", halted_at=now, reason=self.reason, operator="clock")]

    def taken(self) -> list[str]:
        """Return the orders that were taken in, in order."""
        with self.engine.connect() as db:
            return list(db.scalars(sa.select(TAKEN.c.order_id)))

    def accepted(self) -> list[str]:
        """Return what was published about orders."""
        events = [decode(message).event for message in self.bus.messages("market.orders.v1")]
        return [event.order_id for event in events if isinstance(event, OrderAccepted)]

    def letters(self) -> list[str]:
        """Return the reasons of the dead letters."""
        events = [decode(message).event for message in self.bus.messages("market.dead_letters.v1")]
        return [event.reason for event in events if isinstance(event, MessageSetAside)]

    def inbox(self) -> int:
        """Return how many messages the inbox remembers."""
        with self.engine.connect() as db:
            return db.scalar(sa.select(sa.func.count()).select_from(messaging.INBOX)) or 0

    def waiting(self) -> int:
        """Return how many messages are in the outbox."""
        with self.engine.connect() as db:
            return len(messaging.unsent(db, 1_000))


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path)


def an_order(order_id: str, complex_id: str = "c") -> Message:
    order = OrderSubmitted(
        complex_id=complex_id,
        order_id=order_id,
        client_order_id=order_id,
        participant_id="p",
        delivery_start=NOON,
        side=Side.BUY,
        price_jeon_per_kwh=1,
        quantity_wh=1,
        submitted_at=NOON,
        writer="scheduler",
        sequence=1,
    )
    envelope = Envelope(event_id=named_id(order_id), occurred_at=NOON, source="scheduler", event=order)
    return encode(envelope, topic="scheduler.orders.v1", key="c")


def test_a_batch_is_taken_in_and_answered_in_order(market: Market) -> None:
    for number in range(5):
        market.bus.append(an_order(f"o{number}"))

    assert market.loop.step(0) == 5

    assert market.taken() == market.accepted() == ["o0", "o1", "o2", "o3", "o4"]
    assert market.waiting() == 0
    assert market.loop.step(0) == 0


def test_one_bad_message_keeps_none_of_the_others_out(market: Market) -> None:
    market.bus.append(an_order("o1"))
    market.bus.append(an_order("against-the-rules"))
    market.bus.append(Message(topic="scheduler.orders.v1", key="c", body=b"junk", headers=()))
    market.bus.append(an_order("o2"))

    market.loop.step(0)

    assert market.taken() == market.accepted() == ["o1", "o2"]
    assert market.letters() == ["quantity_kwh must be > 0, was -1", "header ce_type must be present"]


def test_event_of_a_complex_that_is_not_served_is_counted_committed_and_leaves_nothing(market: Market) -> None:
    market.bus.append(an_order("o1"))
    market.bus.append(an_order("theirs", complex_id="elsewhere"))
    market.bus.append(an_order("o2"))

    assert market.loop.step(0) == 3

    assert market.taken() == market.accepted() == ["o1", "o2"]
    assert market.letters() == []
    assert market.inbox() == 2
    counted = 'sandan_messages_passed_over_total{type="sandan.OrderSubmitted.v1"} 1.0'
    assert counted in generate_latest(market.figures.registry).decode().splitlines()
    market.restart()
    assert market.loop.step(0) == 0


def test_batch_of_which_nothing_is_served_is_committed(market: Market) -> None:
    market.bus.append(an_order("theirs", complex_id="elsewhere"))
    market.loop.step(0)
    market.restart()

    assert market.loop.step(0) == 0

    assert (market.taken(), market.letters(), market.inbox()) == ([], [], 0)


def test_the_same_message_twice_in_one_batch_has_one_effect(market: Market) -> None:
    for _ in range(2):
        market.bus.append(an_order("o1"))

    market.loop.step(0)

    assert market.taken() == market.accepted() == ["o1"]


def test_a_message_that_comes_again_after_a_restart_has_no_effect(market: Market) -> None:
    market.bus.append(an_order("o1"))
    market.loop.step(0)
    market.bus.commit("market", {("scheduler.orders.v1", part): 0 for part in range(PARTITIONS)})
    market.restart()

    assert market.loop.step(0) == 1

    assert market.taken() == market.accepted() == ["o1"]


def test_events_wait_in_the_outbox_while_the_broker_is_away_and_go_out_once_in_order(market: Market) -> None:
    market.bus.append(an_order("o1"))
    market.bus.append(an_order("o2"))
    consumer = market.bus.consumer("market", ["scheduler.orders.v1"])
    market.loop._consumer = ConsumerThatCutsTheLine(consumer, market.bus)

    with pytest.raises(BusUnavailable):
        market.loop.step(0)
    assert (market.taken(), market.waiting()) == (["o1", "o2"], 2)

    market.bus.available = True
    market.restart()
    market.loop.step(0)
    market.loop.step(0)

    assert market.taken() == market.accepted() == ["o1", "o2"]
    assert market.waiting() == 0


class ConsumerThatCutsTheLine:
    """A consumer after whose commit the broker is away."""

    def __init__(self, inner: Consumer, bus: MemoryBus) -> None:
        self.inner, self.bus = inner, bus
        self.poll, self.joined, self.rewind, self.close = inner.poll, inner.joined, inner.rewind, inner.close

    def commit(self) -> None:
        """Commit, and lose the broker."""
        self.inner.commit()
        self.bus.available = False


def test_a_broken_service_ends_with_nothing_done_and_goes_on_where_it_was(market: Market) -> None:
    market.bus.append(an_order("o1"))
    market.broken = True
    with pytest.raises(ZeroDivisionError):
        market.loop.step(0)
    assert (market.taken(), market.accepted(), market.letters()) == ([], [], [])

    market.broken = False
    market.loop.step(0)

    assert market.taken() == market.accepted() == ["o1"]


def test_a_locked_database_is_a_passing_fault_that_loses_nothing(market: Market) -> None:
    market.bus.append(an_order("o1"))
    sa.event.listen(market.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    market.engine.dispose()

    with market.engine.begin(), pytest.raises(sa.exc.OperationalError, match="locked"):
        market.loop.step(0)
    market.loop.step(0)

    assert market.taken() == market.accepted() == ["o1"]


def test_a_tick_publishes_what_it_returns_once(market: Market) -> None:
    market.loop.step(0)
    market.clock.advance(timedelta(hours=5))

    for _ in range(3):
        market.loop.step(0)

    [halted] = [decode(message) for message in market.bus.messages("market.auctions.v1")]
    assert halted.occurred_at == NOON + timedelta(hours=5)
    assert halted.source == "market"


def test_what_comes_due_has_the_same_id_in_every_run(market: Market, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = Market(tmp_path / "again")
    for one in (market, again):
        one.clock.advance(timedelta(hours=5))
        one.loop.step(0)

    [halted], [halted_again] = (
        [decode(message) for message in one.bus.messages("market.auctions.v1")] for one in (market, again)
    )

    assert halted == halted_again


def test_what_comes_due_again_is_another_event_unless_the_clock_stands(market: Market) -> None:
    outbox = OutboxPublisher("market", market.bus, market.engine, market.figures)
    market.loop.write_beside_others(market.engine.begin, outbox)
    for wait in (timedelta(hours=5), timedelta(), timedelta(hours=5)):
        market.clock.advance(wait)
        market.loop.step(0)
        with market.engine.begin() as db:
            db.execute(sa.delete(TAKEN))
    outbox.publish()

    halted = [decode(message) for message in market.bus.messages("market.auctions.v1")]

    assert [one.occurred_at for one in halted] == [NOON + timedelta(hours=5), NOON + timedelta(hours=10)]
    assert len({one.event_id for one in halted}) == 2


class Runs:
    """A service that notes the runs it is given; an order of no quantity breaks a rule."""

    def __init__(self) -> None:
        self.lengths: list[tuple[str, int]] = []

    def on_order(self, envelopes: Sequence[Envelope[OrderSubmitted]], db: Connection) -> Sequence[Caused]:
        """Accept each twice, so that what follows has places."""
        self.lengths.append(("orders", len(envelopes)))
        made = []
        for envelope in envelopes:
            order = envelope.event
            if order.order_id == "against-the-rules":
                raise RuleBroken("quantity_kwh must be > 0, was -1")
            db.execute(sa.insert(TAKEN).values(order_id=order.order_id))
            facts = {"participant_id": order.participant_id, "delivery_start": order.delivery_start}
            accepted = OrderAccepted(complex_id=order.complex_id, order_id=order.order_id, **facts)
            made += [Caused(envelope.event_id, accepted)] * 2
        return made

    @absolute
    def on_cancel(self, envelopes: Sequence[Envelope[OrderCancelRequested]], db: Connection) -> Sequence[Caused]:
        """Note the run."""
        del db
        self.lengths.append(("cancels", len(envelopes)))
        return []


def a_cancel(order_id: str) -> Message:
    cancel = OrderCancelRequested(
        complex_id="c",
        order_id=order_id,
        participant_id="p",
        delivery_start=NOON,
        requested_at=NOON,
        writer="scheduler",
        sequence=1,
    )
    envelope = Envelope(event_id=named_id("cancel", order_id), occurred_at=NOON, source="scheduler", event=cancel)
    return encode(envelope, topic="scheduler.orders.v1", key="c")


def test_consecutive_events_of_one_type_are_handled_as_one_run_and_never_regrouped(market: Market) -> None:
    runs = Runs()
    market.loop = RunLoop(replace(market.service, handlers=handlers_of(runs)), market.bus, market.engine, market.clock)
    for message in (an_order("o1"), an_order("o2"), a_cancel("o1"), an_order("o3"), a_cancel("o2"), a_cancel("o3")):
        market.bus.append(message)

    market.loop.step(0)

    assert runs.lengths == [("orders", 2), ("cancels", 1), ("orders", 1), ("cancels", 2)]
    assert market.accepted() == ["o1", "o1", "o2", "o2", "o3", "o3"]


def test_what_follows_from_a_run_has_the_ids_that_it_would_have_singly(market: Market) -> None:
    orders = [an_order("o1"), an_order("against-the-rules"), an_order("o2")]
    for message in orders:
        market.bus.append(message)
    runs = Runs()
    market.loop = RunLoop(replace(market.service, handlers=handlers_of(runs)), market.bus, market.engine, market.clock)

    market.loop.step(0)

    # The run as a whole breaks a rule, and so each order is a run of its own.
    assert runs.lengths == [("orders", 3), ("orders", 1), ("orders", 1), ("orders", 1)]
    assert market.taken() == ["o1", "o2"]
    assert market.letters() == ["quantity_kwh must be > 0, was -1"]
    ids = [decode(message).event_id for message in market.bus.messages("market.orders.v1")]
    causes = [decode(orders[0]).event_id, decode(orders[2]).event_id]
    assert ids == [derived_id(cause, place, OrderAccepted.event_type()) for cause in causes for place in (0, 1)]


def test_absolute_values_are_taken_again_and_not_remembered(market: Market) -> None:
    runs = Runs()
    market.loop = RunLoop(replace(market.service, handlers=handlers_of(runs)), market.bus, market.engine, market.clock)
    for message in (a_cancel("o1"), an_order("o1")):
        market.bus.append(message)
    market.loop.step(0)
    for message in (a_cancel("o1"), an_order("o1")):
        market.bus.append(message)

    market.loop.step(0)

    assert runs.lengths == [("cancels", 1), ("orders", 1), ("cancels", 1)]
    assert market.inbox() == 1


def test_more_events_than_one_publication_holds_all_go_out_in_order(market: Market) -> None:
    names = [f"o{number}" for number in range(1_100)]
    for name in names:
        market.bus.append(an_order(name))

    market.loop.step(0)

    assert market.accepted() == names


def test_the_inbox_forgets_a_week_later_and_looks_only_now_and_then(market: Market) -> None:
    market.bus.append(an_order("o1"))
    market.loop.step(0)
    market.clock.advance(messaging.INBOX_KEPT)
    market.elapsed_s += FORGET_EVERY_S
    market.loop.step(0)
    assert market.inbox() == 1  # a week old, but not older

    market.clock.advance(timedelta(microseconds=1))
    market.elapsed_s += FORGET_EVERY_S - 1
    market.loop.step(0)
    assert market.inbox() == 1  # too old, but the loop has looked 599 s ago

    market.elapsed_s += 1
    market.loop.step(0)
    assert market.inbox() == 0


def test_the_inbox_forgets_a_little_at_a_time_until_nothing_old_is_left(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messaging, "FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        market.bus.append(an_order(f"o{number}"))
    market.loop.step(0)
    market.clock.advance(messaging.INBOX_KEPT + timedelta(seconds=1))
    market.elapsed_s += FORGET_EVERY_S

    left = []
    for _ in range(4):
        market.loop.step(0)
        left.append(market.inbox())

    assert left == [3, 1, 0, 0]


def test_offsets_are_kept_with_what_was_taken_in_and_lead_a_restored_database_back(
    market: Market, tmp_path: Path
) -> None:
    market.bus.append(an_order("o1"))
    market.bus.append(an_order("against-the-rules"))
    market.loop.step(0)
    market.engine.dispose()
    # The backup; what follows is not in it.
    shutil.copy(tmp_path / "market.db", tmp_path / "backup.db")
    market.bus.append(an_order("o2"))
    market.loop.step(0)
    market.engine.dispose()
    shutil.copy(tmp_path / "backup.db", tmp_path / "market.db")
    for journal in tmp_path.glob("market.db-*"):
        journal.unlink()
    restored = market.taken()
    market.restart()

    assert market.loop.step(0) == 1

    assert (restored, market.taken()) == (["o1"], ["o1", "o2"])
    with market.engine.connect() as db:
        assert messaging.consumed(db) == {("scheduler.orders.v1", partition_of("c")): 3}


def test_a_message_that_leads_to_an_event_too_large_for_the_bus_is_set_aside_and_blocks_nothing(market: Market) -> None:
    for order_id in ("o1", "answered-at-length", "o2"):
        market.bus.append(an_order(order_id))

    market.loop.step(0)

    # What its handler had written is undone with it.
    assert market.taken() == market.accepted() == ["o1", "o2"]
    [reason] = market.letters()
    # Key "c": 1, names of headers 64, what they say 3 + 36 + 14 + 22 + 25 + 1 + 16 = 117, the body without its reason
    # {"complex_id":"c","halted_at":"2026-05-20T03:00:00Z","reason":"","operator":"market"} 85: 267 beside the reason.
    assert reason == "sandan.MarketHalted.v1 of c must be at most 1000000 bytes, was 1000267"
    assert market.waiting() == 0


def test_a_tick_that_makes_an_event_too_large_is_undone_and_tried_again_while_messages_are_taken_in(
    market: Market,
) -> None:
    market.clock.advance(timedelta(hours=1))
    market.reason = "x" * 1_000_000
    market.loop.step(0)
    assert (market.taken(), market.loop.held_up) == ([], True)

    market.bus.append(an_order("o1"))
    market.elapsed_s = 59.9
    market.reason = "one o'clock"
    market.loop.step(0)
    assert (market.taken(), market.accepted(), market.loop.held_up) == (["o1"], ["o1"], True)

    market.elapsed_s = 60.0
    market.loop.step(0)
    assert (market.taken(), market.loop.held_up) == (["o1", "halted"], False)
    assert "sandan_ticks_undone_total 1.0" in generate_latest(market.figures.registry).decode().splitlines()

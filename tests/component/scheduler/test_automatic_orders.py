"""Market and scheduler under one calendar that changes: what the scheduler orders is in the book."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.market import handlers as market_handlers
from services.market import store as market_store
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.commands import CalendarChangeRequested
from shared.events.market import CalendarChangeRefused, OrderAccepted, OrderRejected
from shared.events.orders import OrdersSealed, OrderSubmitted
from shared.events.records import Calendar
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.scheduler.scheduler_facts import DAESUNG, HANBIT, NOON, a_bench, a_complex, a_quarter_hour, a_state

C = "changwon-demo"
# The complex file closes gates 15 minutes before delivery.
OTHER = Calendar(
    effective_from=NOON + 2 * INTERVAL,
    gate_closure_lead_s=2_700,
    price_jeon_per_kwh_min=0,
    price_jeon_per_kwh_max=11_000,
    order_quantity_wh_max=40_000,
    tick_jeon=500,
    lot_wh=2_000,
)


class Both:
    """A market and a scheduler that hear each other."""

    def __init__(self, folder: Path, complex_: Complex) -> None:
        self.scheduler = a_bench(folder, complex_)
        service = market_handlers.service(Complexes(complex_), seal_alarm=timedelta(minutes=5))
        self.market = Bench(service, market_store.METADATA, folder, NOON)
        self._told = {"scheduler.orders.v1": 0, "market.auctions.v1": 0}

    def talk(self) -> None:
        """Carry what each has published to the other."""
        for topic, speaker, hearer in (
            ("scheduler.orders.v1", self.scheduler, self.market),
            ("market.auctions.v1", self.market, self.scheduler),
        ):
            source = f"/sandan/{speaker.service.name}".encode()
            said = [one for one in speaker.bus.messages(topic) if dict(one.headers)["ce_source"] == source]
            for message in said[self._told[topic] :]:
                hearer.bus.append(message)
            self._told[topic] = len(said)
            hearer.run()

    def ask_for(self, calendar: Calendar) -> None:
        """Ask the market for a calendar, as an operator does."""
        wish = CalendarChangeRequested(
            complex_id=C, requested_at=self.market.clock.now(), operator="kim", calendar=calendar
        )
        self.market.give(wish)
        self.talk()

    def a_quarter_hour(self, start: datetime) -> None:
        """Let an interval begin and the scheduler do its round."""
        self.market.clock.instant = start
        a_quarter_hour(self.scheduler, C, start)
        self.talk()

    def orders(self) -> list[OrderSubmitted]:
        """Return the automatic orders."""
        return self.scheduler.published(OrderSubmitted)

    def in_the_book(self) -> set[str]:
        """Return the orders that the market took in."""
        return {event.order_id for event in self.market.published(OrderAccepted)}

    def refusals(self) -> list[tuple[str, str]]:
        """Return why the market refused what."""
        return [(event.reason, event.detail) for event in self.market.published(OrderRejected)]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    opened = Both(tmp_path, a_complex(C))
    opened.scheduler.give(a_state(C, NOON))
    yield opened
    opened.scheduler.close()
    opened.market.close()


def test_automatic_orders_fit_a_longer_gate_a_coarser_tick_and_lot_and_a_lower_cap(both: Both) -> None:
    both.ask_for(OTHER)
    for number in range(2, 6):
        both.a_quarter_hour(NOON + number * INTERVAL)

    orders = both.orders()
    assert both.refusals() == []
    assert len(orders) == 8
    assert both.in_the_book() == {order.order_id for order in orders}
    assert all(order.delivery_start - order.submitted_at > timedelta(minutes=45) for order in orders)
    assert (
        {order.price_jeon_per_kwh % 500 for order in orders} == {order.quantity_wh % 2_000 for order in orders} == {0}
    )
    assert max(order.price_jeon_per_kwh for order in orders) <= 11_000
    assert max(order.quantity_wh for order in orders) <= 40_000


def test_no_interval_is_left_without_orders_where_the_gate_becomes_longer(both: Both) -> None:
    both.ask_for(OTHER)
    for number in range(6):
        both.a_quarter_hour(NOON + number * INTERVAL)

    starts = sorted({order.delivery_start for order in both.orders() if order.participant_id == DAESUNG})
    assert both.refusals() == []
    assert starts == [NOON + number * INTERVAL for number in range(2, 10)]
    assert len(both.orders()) == len({(one.participant_id, one.delivery_start) for one in both.orders()})


def test_both_sides_of_the_instant_have_their_own_calendar(both: Both) -> None:
    both.ask_for(OTHER)
    both.a_quarter_hour(NOON + INTERVAL)
    before = both.orders()
    both.a_quarter_hour(NOON + 2 * INTERVAL)
    after = both.orders()[len(before) :]

    assert both.refusals() == []
    assert any(order.price_jeon_per_kwh % 500 for order in before)
    assert after
    assert not any(order.price_jeon_per_kwh % 500 for order in after)


def test_who_may_no_longer_trade_has_no_automatic_orders_and_the_others_have(both: Both) -> None:
    both.ask_for(replace(OTHER, traders=(DAESUNG,)))
    for number in range(2, 4):
        both.a_quarter_hour(NOON + number * INTERVAL)

    assert both.refusals() == []
    assert {order.participant_id for order in both.orders()} == {DAESUNG}


def test_the_scheduler_seals_by_the_complex_file_under_every_calendar(both: Both) -> None:
    both.ask_for(OTHER)
    for number in range(6):
        both.a_quarter_hour(NOON + number * INTERVAL)

    sealed = [event.delivery_start for event in both.scheduler.published(OrdersSealed)]
    assert sealed[-1] == NOON + 6 * INTERVAL
    # No order follows the seal of its interval.
    assert all(order.delivery_start - order.submitted_at > timedelta(minutes=15) for order in both.orders())


def test_a_refused_calendar_changes_no_automatic_order(both: Both) -> None:
    both.ask_for(replace(OTHER, gate_closure_lead_s=600))
    both.a_quarter_hour(NOON + 2 * INTERVAL)

    assert len(both.market.published(CalendarChangeRefused)) == 1
    assert both.refusals() == []
    assert {order.delivery_start for order in both.orders()} == {NOON + 4 * INTERVAL}
    assert {order.participant_id for order in both.orders()} == {HANBIT, DAESUNG}

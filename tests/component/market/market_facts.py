"""Facts around one delivery interval of the demo complex, as the market's tests need them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.market import handlers, store
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.events.base import Event
from shared.events.orders import OrderCancelRequested, OrdersSealed, OrderSubmitted
from shared.events.records import Side
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

COMPLEX = load_complex(DEMO_COMPLEX)
COMPLEX_ID = COMPLEX.complex_id
DELIVERY = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
LEAD = COMPLEX.market.gate_closure_lead
GATE = DELIVERY - LEAD
EARLY = GATE - timedelta(minutes=10)
LAST_MOMENT = GATE - timedelta(microseconds=1)
ALARM = timedelta(minutes=5)


def a_bench(place: Path | str) -> Bench:
    """Return the market of the demo complex, ten minutes before the gate."""
    return Bench(handlers.service(Complexes(COMPLEX), seal_alarm=ALARM), store.METADATA, place, EARLY)


def an_order(
    order_id: str, participant_id: str, side: Side, price_krw: int, *, at: datetime = EARLY, writer: str = "trading_api"
) -> OrderSubmitted:
    """Return an order for 10 kWh."""
    return OrderSubmitted(
        complex_id=COMPLEX_ID,
        order_id=order_id,
        client_order_id=order_id,
        participant_id=participant_id,
        delivery_start=DELIVERY,
        side=side,
        price_jeon_per_kwh=100 * price_krw,
        quantity_wh=10_000,
        submitted_at=at,
        writer=writer,
        sequence=1,
    )


def a_sell(order_id: str = "s1", *, at: datetime = EARLY, writer: str = "scheduler") -> OrderSubmitted:
    return an_order(order_id, "hanbit-machining", Side.SELL, 100, at=at, writer=writer)


def a_buy(order_id: str = "b1", *, at: datetime = EARLY, writer: str = "trading_api") -> OrderSubmitted:
    return an_order(order_id, "daesung-casting", Side.BUY, 120, at=at, writer=writer)


def a_seal(writer: str, delivery_start: datetime = DELIVERY, *, after: timedelta = timedelta(0)) -> OrdersSealed:
    sealed_at = delivery_start - LEAD + after
    return OrdersSealed(
        complex_id=COMPLEX_ID, writer=writer, delivery_start=delivery_start, sealed_at=sealed_at, last_sequence=1
    )


def a_cancel(order_id: str, participant_id: str, *, at: datetime, writer: str = "trading_api") -> OrderCancelRequested:
    return OrderCancelRequested(
        complex_id=COMPLEX_ID,
        order_id=order_id,
        participant_id=participant_id,
        delivery_start=DELIVERY,
        requested_at=at,
        writer=writer,
        sequence=2,
    )


def give(bench: Bench, *events: Event) -> None:
    """Publish each event in its writer's own topic."""
    for event in events:
        writer = getattr(event, "writer", "trading_api")
        bench.give(event, producer=writer)

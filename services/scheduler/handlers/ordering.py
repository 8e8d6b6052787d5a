"""Automatic orders: what a participant's need leaves open beside its own orders is in the book, and no more."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Connection

from optimizers.orders.bids import Beside, automatic_bid
from optimizers.orders.rules import OrderRules
from services.scheduler import store
from services.scheduler.domain import Position
from services.scheduler.store.biddings import biddings, ordered
from services.scheduler.store.needs import Need, due_needs, save_needs
from services.scheduler.store.orders import KnownOrder, open_orders, save_submitted, save_withdrawn
from shared.complex.model import Bidding, Complex
from shared.db import order_writer
from shared.events.base import Event, named_id
from shared.events.commands import BiddingChanged
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from shared.events.records import OrderTerms, Side
from shared.intervals import day_start, trading_day_of
from shared.units import JEON_WH_PER_KRW, PERMILLE

WRITER = "scheduler"


def order_what_is_due(db: Connection, complex_: Complex, now: datetime) -> list[Event]:
    """Order for needs that are new, and anew where something changed: the former order is taken back.

    While the market is halted or its participant may not trade, a need waits: orders would be refused.
    """
    complex_id = complex_.complex_id
    needs = due_needs(db, complex_id)
    if not needs or store.load_progress(db, complex_id).is_halted:
        return []
    rules = store.rules_at(db, complex_, now)
    suspended = store.load_suspended(db, complex_id)
    looked_at = [
        need
        for need in needs
        if not rules.is_open_for(need.delivery_start, at=now)
        or (rules.may_trade(need.participant_id) and need.participant_id not in suspended)
    ]
    starts = {need.delivery_start for need in looked_at}
    positions = {start: store.load_positions(db, complex_id, start) for start in starts}
    known = open_orders(db, complex_id, starts)
    at = _Ordering(db, complex_, rules, now, positions, known, biddings(db, complex_id))
    places = {one.participant_id: place for place, one in enumerate(complex_.participants)}
    events: list[Event] = []
    settled: list[Need] = []
    for need in sorted(looked_at, key=lambda need: (need.delivery_start, places[need.participant_id])):
        ordered, made = _ordered_anew(at, need) if rules.is_open_for(need.delivery_start, at=now) else (need, [])
        settled.append(ordered)
        events += made
    save_needs(db, complex_id, settled, are_due=False)
    return events


@dataclass(frozen=True, slots=True)
class _Ordering:
    """Where and when orders are made, by which calendar, and beside what."""

    db: Connection
    complex_: Complex
    rules: OrderRules
    now: datetime
    positions: Mapping[datetime, Mapping[str, Position]]
    open_orders: Mapping[tuple[str, datetime], Sequence[KnownOrder]]
    stated: Mapping[str, BiddingChanged]
    # What is ordered for a participant's day so far, by interval; read where there is a budget.
    ordered: dict[tuple[str, date], dict[datetime, tuple[int, int]]] = field(default_factory=dict)


def _ordered_anew(at: _Ordering, need: Need) -> tuple[Need, list[Event]]:
    """Take back what was ordered and order what is wanted now, where that differs; return the need as it then is."""
    known = at.open_orders.get((need.participant_id, need.delivery_start), ())
    wanted = _wanted(at, need, [one for one in known if not one.is_automatic])
    if wanted == need.asked:
        return need, []
    events: list[Event] = [_withdrawal(at, need, one) for one in known if one.is_automatic]
    if wanted is not None:
        events += _order(at, need, wanted)
    if need.participant_id in at.stated:
        cost = wanted.quantity_wh * wanted.price_jeon_per_kwh if wanted is not None and wanted.side is Side.BUY else 0
        used = (0 if wanted is None else wanted.quantity_wh, cost)
        _ordered_that_day(at, need.participant_id, need.delivery_start)[need.delivery_start] = used
    return replace(need, orders=need.orders + (wanted is not None), asked=wanted), events


def _wanted(at: _Ordering, need: Need, own: Sequence[KnownOrder]) -> OrderTerms | None:
    """Return the order that leaves nothing open beside the participant's own; None where there is nothing to order."""
    start, stated = need.delivery_start, at.stated.get(need.participant_id)
    if stated is not None and start < stated.effective_from:
        return need.asked
    bidding = _bidding(at.complex_.by_participant[need.participant_id].bidding, stated, start)
    if bidding.mode != "automatic":
        return None
    position = at.positions[start].get(need.participant_id, Position())
    room_wh, room_jeon_wh_per_kwh = (None, None) if stated is None else _room(at, stated, start)
    beside = Beside(
        bought_wh=position.bought_wh,
        sold_wh=position.sold_wh,
        open_buy_wh=sum(one.quantity_wh for one in own if one.side is Side.BUY),
        open_sell_wh=sum(one.quantity_wh for one in own if one.side is Side.SELL),
        room_wh=room_wh,
        room_jeon_wh_per_kwh=room_jeon_wh_per_kwh,
    )
    return automatic_bid(bidding, start, need.net_kw, need.quote, at.rules, beside)


def _bidding(of_file: Bidding, stated: BiddingChanged | None, start: datetime) -> Bidding:
    """Return how an interval is bid for: as was stated, where it was."""
    if stated is None:
        return of_file
    is_paused = stated.paused_until is not None and start < stated.paused_until
    is_on = stated.mode == "automatic" and not is_paused
    wanted = {"buy_share": stated.buy_share_permille / PERMILLE, "sell_share": stated.sell_share_permille / PERMILLE}
    return of_file.model_copy(update={"mode": "automatic" if is_on else "manual", **wanted})


def _room(at: _Ordering, stated: BiddingChanged, start: datetime) -> tuple[int | None, int | None]:
    """Return what the day's budgets leave for an interval, in energy and in price times energy."""
    if stated.wh_per_day_max is None and stated.krw_per_day_max is None:
        return None, None
    of_day = _ordered_that_day(at, stated.participant_id, start)
    others = [used for other, used in of_day.items() if other != start]
    wh, cost = sum(wh for wh, _ in others), sum(cost for _, cost in others)
    return (
        None if stated.wh_per_day_max is None else max(0, stated.wh_per_day_max - wh),
        None if stated.krw_per_day_max is None else max(0, stated.krw_per_day_max * JEON_WH_PER_KRW - cost),
    )


def _ordered_that_day(at: _Ordering, participant_id: str, start: datetime) -> dict[datetime, tuple[int, int]]:
    day = trading_day_of(start)
    if (participant_id, day) not in at.ordered:
        begin, end = day_start(day), day_start(day + timedelta(days=1))
        at.ordered[participant_id, day] = dict(ordered(at.db, at.complex_.complex_id, participant_id, begin, end))
    return at.ordered[participant_id, day]


def _withdrawal(at: _Ordering, need: Need, order: KnownOrder) -> OrderCancelRequested:
    complex_id = at.complex_.complex_id
    turn = order_writer.next_turn(at.db, complex_id, lambda: at.now)
    save_withdrawn(at.db, complex_id, order.order_id)
    return OrderCancelRequested(
        complex_id=complex_id,
        order_id=order.order_id,
        participant_id=need.participant_id,
        delivery_start=need.delivery_start,
        requested_at=turn.stamp,
        writer=WRITER,
        sequence=turn.sequence,
    )


def _order(at: _Ordering, need: Need, wanted: OrderTerms) -> Iterator[OrderSubmitted]:
    complex_id, start = at.complex_.complex_id, need.delivery_start
    turn = order_writer.next_turn(at.db, complex_id, lambda: at.now)
    lead = at.rules.gate_closure_lead
    if not order_writer.gate_is_open(at.db, complex_id, delivery_start=start, lead=lead, now=turn.stamp):
        return
    again = f"-{need.orders + 1}" if need.orders else ""
    client_order_id = f"auto-{start:%Y%m%dT%H%MZ}{again}"
    order = OrderSubmitted(
        complex_id=complex_id,
        order_id=str(named_id("order", complex_id, need.participant_id, WRITER, client_order_id)),
        client_order_id=client_order_id,
        participant_id=need.participant_id,
        delivery_start=start,
        side=wanted.side,
        price_jeon_per_kwh=wanted.price_jeon_per_kwh,
        quantity_wh=wanted.quantity_wh,
        submitted_at=turn.stamp,
        writer=WRITER,
        sequence=turn.sequence,
    )
    save_submitted(at.db, order, is_automatic=True)
    yield order

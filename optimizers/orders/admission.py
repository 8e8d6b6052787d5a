"""Who may be in a book."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from optimizers.legal.checks import refusal
from optimizers.orders.book_order import NO_LIMITS, BookOrder, Capacity, MarketSite, ParticipantLimits, Venue
from optimizers.orders.rules import Broken, Limit, OrderRules
from shared.events.records import Calendar
from shared.intervals import DAY, day_ahead_gate, is_delivery_start, trading_day_of
from shared.units import krw_text, kwh_text


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStanding:
    """What the market knows when an order arrives.

    Args:
        sealed_through: The newest interval that the order's own writer has sealed; None before its first seal.
        halted_at: Beginning of the halt in which the order was stamped; None if the market was open then, or if that
            can't be told yet for orders of its writer: those are left out of their auction.
        suspended_at: The same of the participant's own suspension.
        writer_orders: Orders of the same writer already in the same book; 0 where all participants' fit in.
        open_orders: Orders of the same participant and writer already in the same book.
        side_wh: Their energy on the order's own side.
        committed_krw: What the open orders of the same participant and writer cost at most, in all books that were
            open when the order was stamped.
        limits: The participant's own.
        day_ahead_through: Beginning of the newest day whose day-ahead auction was held; None before the first.
    """

    sealed_through: datetime | None
    halted_at: datetime | None
    open_orders: int
    side_wh: int = 0
    committed_krw: int = 0
    limits: ParticipantLimits = NO_LIMITS
    day_ahead_through: datetime | None = None
    suspended_at: datetime | None = None
    writer_orders: int = 0


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an order is not in the book: a stable code, and the rule with its numbers."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What takes a participant's order out of its book: the participant's own word, or its suspension."""

    participant_id: str
    at: datetime
    reason: Literal["suspended"] | None = None


def admit(venue: Venue, order: BookOrder, standing: OrderStanding) -> Rejection | None:
    """Say why an order may not be in its book; None admits it.

    The order's own stamp and its own writer's seals decide about time, so that neither the delay of the bus nor the
    other writers' messages in between change the answer.
    """
    site = venue.sites.get(order.participant_id)
    if site is None:
        detail = f"participant {order.participant_id} is not a participant of {venue.complex_id}"
        return Rejection("unknown_participant", detail)
    if standing.suspended_at is not None:
        detail = f"{order.participant_id} is suspended since {_instant(standing.suspended_at)}"
        return Rejection("suspended", detail)
    if not is_delivery_start(order.delivery_start):
        detail = f"delivery_start must begin a 15-minute interval, was {_instant(order.delivery_start)}"
        return Rejection("not_an_interval", detail)
    unlawful = refusal(venue.law, order.participant_id, order.side, trading_day_of(order.delivery_start))
    if unlawful is not None:
        return Rejection("legal_mode", f"{unlawful.rule.code}: {unlawful.en} / {unlawful.ko}")
    out_of_time = _out_of_time if order.auction == "intraday" else _out_of_day_ahead
    return (
        out_of_time(venue.rules, order, standing)
        or _beyond_calendar(venue.rules, order)
        or _beyond_site(site, order, standing)
        or _beyond_own(venue.capacity, order, standing)
    )


def _out_of_day_ahead(rules: OrderRules, order: BookOrder, standing: OrderStanding) -> Rejection | None:
    if rules.day_ahead_gate is None:
        return Rejection("no_day_ahead_auction", f"there is no day-ahead auction (calendar version {rules.version})")
    day = trading_day_of(order.delivery_start)
    if trading_day_of(order.legs[-1][0]) != day:
        return Rejection("beyond_the_day", f"a block must lie within one Korean day, began on {day}")
    gate = day_ahead_gate(rules.day_ahead_gate, day)
    if order.submitted_at >= gate:
        detail = f"day-ahead orders for {day} must be submitted before {_instant(gate)}"
        return Rejection("gate_closed", f"{detail}, was submitted at {_instant(order.submitted_at)}")
    sealed = standing.sealed_through is not None and standing.sealed_through - rules.gate_closure_lead >= gate
    if sealed or (standing.day_ahead_through is not None and order.delivery_start < standing.day_ahead_through + DAY):
        return Rejection("auction_over", f"the day-ahead auction of {day} is over")
    if standing.halted_at is not None:
        return Rejection("market_halted", f"the market takes no orders since {_instant(standing.halted_at)}")
    return None


def _out_of_time(rules: OrderRules, order: BookOrder, standing: OrderStanding) -> Rejection | None:
    lead = rules.gate_closure_lead
    if order.delivery_start - order.submitted_at <= lead:
        detail = (
            f"orders for {_instant(order.delivery_start)} must be submitted more than {lead // timedelta(minutes=1)} "
            f"minutes before, was submitted at {_instant(order.submitted_at)}"
        )
        return Rejection("gate_closed", detail)
    if standing.sealed_through is not None and order.delivery_start <= standing.sealed_through:
        detail = (
            f"the book of {_instant(order.delivery_start)} is closed: {order.writer} had sealed "
            f"{_instant(standing.sealed_through)} before"
        )
        return Rejection("auction_over", detail)
    if standing.halted_at is not None:
        return Rejection("market_halted", f"the market takes no orders since {_instant(standing.halted_at)}")
    if rules.opening_lead is not None and order.delivery_start - order.submitted_at > rules.opening_lead:
        opening = _instant(order.delivery_start - rules.opening_lead)
        detail = f"the book of {_instant(order.delivery_start)} opens at {opening}"
        return Rejection("not_open_yet", f"{detail}, was submitted at {_instant(order.submitted_at)}")
    return None


def _beyond_calendar(rules: OrderRules, order: BookOrder) -> Rejection | None:
    if not rules.may_trade(order.participant_id):
        rule = f"{order.participant_id} is not among those who may trade"
        return Rejection("may_not_trade", f"{rule} (calendar version {rules.version})")
    broken = rules.broken(order.price_jeon_per_kwh, [part_wh for _, part_wh in order.legs])
    return _rejection(rules.calendar, broken[0]) if broken else None


def _rejection(calendar: Calendar, broken: Broken) -> Rejection:
    match broken.limit:
        case Limit.PRICE_MIN | Limit.PRICE_MAX:
            low, high = krw_text(calendar.price_jeon_per_kwh_min), krw_text(calendar.price_jeon_per_kwh_max)
            rule = f"price must be in {low}..{high} KRW/kWh"
            return Rejection("price_out_of_range", f"{rule}, was {krw_text(broken.value)}")
        case Limit.QUANTITY_MAX:
            rule = f"quantity of an order must be at most {kwh_text(broken.limit_value)} kWh"
            return Rejection("quantity_too_large", f"{rule}, was {kwh_text(broken.value)}")
        case Limit.TICK:
            rule = f"price must be a multiple of {krw_text(broken.limit_value)} KRW/kWh"
            return Rejection("price_off_tick", f"{rule}, was {krw_text(broken.value)}")
        case Limit.LOT:
            rule = f"quantity must be a multiple of {kwh_text(broken.limit_value)} kWh"
            return Rejection("quantity_off_lot", f"{rule}, was {kwh_text(broken.value)}")
        case _:
            assert_never(broken.limit)


def _beyond_site(site: MarketSite, order: BookOrder, standing: OrderStanding) -> Rejection | None:
    verb, limit_wh = ("take", site.take_wh_max) if order.side == "buy" else ("deliver", site.deliver_wh_max)
    rule = f"{order.participant_id} can {verb} at most {kwh_text(limit_wh)} kWh in 15 minutes"
    largest_wh = max(part_wh for _, part_wh in order.legs)
    if largest_wh > limit_wh:
        return Rejection("quantity_too_large", f"{rule}, was {kwh_text(largest_wh)}")
    if not order.block_wh and standing.side_wh + order.quantity_wh > limit_wh:
        had = f"had {kwh_text(standing.side_wh)} in open orders"
        return Rejection("site_limit_exceeded", f"{rule}, {had}, was {kwh_text(order.quantity_wh)} more")
    return None


def _beyond_own(capacity: Capacity, order: BookOrder, standing: OrderStanding) -> Rejection | None:
    own_max, of_kind, writer_max = standing.limits.open_orders_max, capacity.open_max(order), capacity.writer_max(order)
    open_orders_max = of_kind if own_max is None else min(own_max, of_kind)
    span = "a day" if order.block_wh else "an interval"
    if standing.writer_orders >= writer_max:
        rule = f"the book for {span} takes at most {writer_max} orders by one writer"
        return Rejection("too_many_orders", f"{rule}, had {standing.writer_orders}")
    if standing.open_orders >= open_orders_max:
        rule = f"a participant may have at most {open_orders_max} open orders for {span} by one writer"
        return Rejection("too_many_orders", f"{rule}, had {standing.open_orders}")
    credit_krw_max = standing.limits.credit_krw_max
    if credit_krw_max is not None and standing.committed_krw + order.cost_krw_max > credit_krw_max:
        rule = f"open orders may cost at most {credit_krw_max} KRW"
        more = f"had {standing.committed_krw}, was {order.cost_krw_max} more"
        return Rejection("credit_limit_exceeded", f"{rule}, {more}")
    return None


def may_fill_up(venue: Venue, order: BookOrder) -> bool:
    """Say whether a book has less room for an order's writer than all participants together may ask for."""
    return len(venue.sites) * venue.capacity.open_max(order) > venue.capacity.writer_max(order)


def may_leave(order: BookOrder, withdrawal: Withdrawal, rules: OrderRules) -> bool:
    """Say whether an order can be taken out of its book: as its own participant's, and before gate closure."""
    if order.participant_id != withdrawal.participant_id:
        return False
    # Where a later calendar has done away with the day-ahead auction, the order stands until it lapses.
    gate = rules.gate_closure(order.auction, order.delivery_start)
    return withdrawal.at < (order.delivery_start - rules.gate_closure_lead if gate is None else gate)


def _instant(instant: datetime) -> str:
    return instant.isoformat(timespec="auto").replace("+00:00", "Z")

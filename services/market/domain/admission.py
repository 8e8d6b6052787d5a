"""Who may be in a book."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.market.domain.values import Order, Rules, Site, Venue
from shared.intervals import is_delivery_start
from shared.units import krw_text, kwh_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the market knows when an order arrives.

    Args:
        sealed_through: The newest interval that the order's own writer has sealed; None before its first seal.
        halted_at: Beginning of the halt in which the order was stamped; None if the market was open then.
        open_orders: Orders of the same participant and writer already in the same book.
    """

    sealed_through: datetime | None
    halted_at: datetime | None
    open_orders: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an order is not in the book: a stable code, and the rule with its numbers."""

    reason: str
    detail: str


def admit(venue: Venue, order: Order, standing: Standing) -> Rejection | None:
    """Say why an order may not be in its book; None admits it.

    The order's own stamp and its own writer's seals decide about time, so that neither the delay of the bus nor the
    other writers' messages in between change the answer.
    """
    site = venue.sites.get(order.participant_id)
    if site is None:
        detail = f"participant {order.participant_id} is not a participant of {venue.complex_id}"
        return Rejection("unknown_participant", detail)
    if not is_delivery_start(order.delivery_start):
        detail = f"delivery_start must begin a 15-minute interval, was {_instant(order.delivery_start)}"
        return Rejection("not_an_interval", detail)
    lead = venue.rules.gate_closure_lead
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
    return _beyond_limits(venue.rules, site, order, standing.open_orders)


def _beyond_limits(rules: Rules, site: Site, order: Order, open_orders: int) -> Rejection | None:
    low, high = rules.price_jeon_per_kwh_min, rules.price_jeon_per_kwh_max
    if not low <= order.price_jeon_per_kwh <= high:
        rule = f"price must be in {krw_text(low)}..{krw_text(high)} KRW/kWh"
        return Rejection("price_out_of_range", f"{rule}, was {krw_text(order.price_jeon_per_kwh)}")
    if order.quantity_wh > rules.quantity_wh_max:
        rule = f"quantity of an order must be at most {kwh_text(rules.quantity_wh_max)} kWh"
        return Rejection("quantity_too_large", f"{rule}, was {kwh_text(order.quantity_wh)}")
    verb, limit_wh = ("take", site.take_wh_max) if order.side == "buy" else ("deliver", site.deliver_wh_max)
    if order.quantity_wh > limit_wh:
        rule = f"{order.participant_id} can {verb} at most {kwh_text(limit_wh)} kWh in 15 minutes"
        return Rejection("quantity_too_large", f"{rule}, was {kwh_text(order.quantity_wh)}")
    if open_orders >= rules.open_orders_max:
        rule = f"a participant may have at most {rules.open_orders_max} open orders for an interval by one writer"
        return Rejection("too_many_orders", f"{rule}, had {open_orders}")
    return None


def cancellable(order: Order, *, participant_id: str, requested_at: datetime, lead: timedelta) -> bool:
    """Say whether a request takes an order out of its book: its own participant's, stamped before gate closure."""
    return order.participant_id == participant_id and order.delivery_start - requested_at > lead


def _instant(instant: datetime) -> str:
    return instant.isoformat(timespec="auto").replace("+00:00", "Z")

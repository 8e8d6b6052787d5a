"""The market's rules: who may be in a book, when a book is complete, and what its auction gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from optimizers import clearing
from shared.intervals import INTERVAL, is_delivery_start
from shared.units import krw_text, kwh_text

Side = Literal["buy", "sell"]

# AuctionCleared carries a fill and at most one trade an order, at worst 1,060 bytes together (ids of 100 characters);
# an event's body may have 1,000,000.
ORDERS_PER_AUCTION_MAX: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A complex's market calendar, and how many open orders one participant may have in one book from each writer."""

    gate_closure_lead: timedelta
    price_jeon_per_kwh_min: int
    price_jeon_per_kwh_max: int
    quantity_wh_max: int
    open_orders_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A participant's connection: its feeder, and the most energy it can take or deliver in one interval."""

    feeder_id: str
    take_wh_max: int
    deliver_wh_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """The market of one complex: rules, sites by participant, feeders."""

    complex_id: str
    rules: Rules
    sites: Mapping[str, Site]
    feeders: tuple[clearing.Feeder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A limit order as its writer stamped it."""

    order_id: str
    participant_id: str
    delivery_start: datetime
    side: Side
    price_jeon_per_kwh: int
    quantity_wh: int
    submitted_at: datetime
    writer: str
    sequence: int


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


@dataclass(frozen=True, slots=True)
class Seal:
    """A writer's watermark: nothing more of it for this interval or an earlier one."""

    writer: str
    delivery_start: datetime
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class DueAuction:
    """An interval whose book is complete, and the instant at which the last writer sealed it."""

    delivery_start: datetime
    complete_at: datetime


def auctions_due(
    seals: Sequence[Seal],
    writers: Sequence[str],
    *,
    cleared_through: datetime | None,
    earliest_order: datetime | None,
) -> list[DueAuction]:
    """Return the intervals to clear now, in sequence: those that every writer has sealed and that were not cleared.

    The first one ever is the earliest that any writer sealed or has an order for, so that no early order is left over.
    """
    by_writer = {writer: sorted(_of_writer(seals, writer), key=lambda seal: seal.delivery_start) for writer in writers}
    if not all(by_writer.values()):
        return []
    complete_through = min(sealed[-1].delivery_start for sealed in by_writer.values())
    if cleared_through is not None:
        first = cleared_through + INTERVAL
    else:
        first = min(sealed[0].delivery_start for sealed in by_writer.values())
        first = first if earliest_order is None else min(first, earliest_order)
    due = []
    for step in range((complete_through - first) // INTERVAL + 1):
        delivery_start = first + step * INTERVAL
        covering = [
            next(seal for seal in sealed if seal.delivery_start >= delivery_start) for sealed in by_writer.values()
        ]
        due.append(DueAuction(delivery_start, max(seal.sealed_at for seal in covering)))
    return due


@dataclass(frozen=True, slots=True)
class HeldUp:
    """An auction that waits for seals, and the writers that owe them."""

    delivery_start: datetime
    writers: tuple[str, ...]


def held_up(
    seals: Sequence[Seal],
    writers: Sequence[str],
    *,
    cleared_through: datetime | None,
    late_after: timedelta,
    now: datetime,
) -> HeldUp | None:
    """Return the next auction if seals that it needs are late, else None.

    Args:
        seals: The seals at hand; with none the market has not begun, and nothing is late.
        writers: All that must seal.
        cleared_through: The newest interval that was cleared.
        late_after: When a seal is late, counted from its delivery start (below 0: before delivery), but never before
            the market's first seal is as old as that.
        now: The present instant.
    """
    if not seals:
        return None
    first_sealed = min(seal.delivery_start for seal in seals)
    delivery_start = first_sealed if cleared_through is None else cleared_through + INTERVAL
    missing = tuple(
        writer for writer in writers if all(seal.delivery_start < delivery_start for seal in _of_writer(seals, writer))
    )
    return HeldUp(delivery_start, missing) if missing and now - delivery_start >= late_after else None


def _of_writer(seals: Sequence[Seal], writer: str) -> list[Seal]:
    return [seal for seal in seals if seal.writer == writer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auction:
    """An auction's answer: the book in arrival order with a fill for each order, trades, certificate.

    `certificate` is None where a halt kept the book from being cleared.
    """

    book: tuple[Order, ...]
    outcome: clearing.Clearing
    fills: tuple[clearing.Fill, ...]
    trades: tuple[clearing.Trade, ...]
    book_hash: str
    certificate: Mapping[str, object] | None

    @property
    def status(self) -> Literal["cleared", "halted"]:
        """Say whether the book was cleared."""
        return "halted" if self.certificate is None else "cleared"


def hold_auction(venue: Venue, orders: Sequence[Order], *, halted: bool) -> Auction:
    """Clear a complete book; in a halted market nothing is filled.

    Orders are served at the margin as they were stamped: by instant, then writer, then the writer's sequence.
    """
    book = tuple(sorted(orders, key=lambda order: (order.submitted_at, order.writer, order.sequence)))
    entries = [
        clearing.Order(
            order_id=order.order_id,
            participant_id=order.participant_id,
            side=order.side,
            price_jeon_per_kwh=order.price_jeon_per_kwh,
            quantity_wh=order.quantity_wh,
            sequence=place,
            feeder_id=venue.sites[order.participant_id].feeder_id,
        )
        for place, order in enumerate(book, start=1)
    ]
    outcome = clearing.clear([] if halted else entries, venue.feeders)
    return Auction(
        book=book,
        outcome=outcome,
        fills=tuple(clearing.Fill(order.order_id, 0, 0, 0) for order in book) if halted else outcome.fills,
        trades=() if halted else clearing.pair_trades(entries, outcome),
        book_hash=clearing.order_book_sha256(entries, venue.feeders),
        certificate=None if halted else clearing.certificate(entries, venue.feeders, outcome),
    )


def auction_id(complex_id: str, delivery_start: datetime) -> str:
    """Return the name of a complex's auction of one interval."""
    return f"{complex_id}:{delivery_start:%Y%m%dT%H%MZ}"


def _instant(instant: datetime) -> str:
    return instant.isoformat(timespec="auto").replace("+00:00", "Z")

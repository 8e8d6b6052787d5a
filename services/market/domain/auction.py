"""What an auction gives, from its orders and its terms alone: the same ones give the same answer for ever."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from optimizers.clearing import certificate
from optimizers.clearing.auction import clear
from optimizers.clearing.book import BookFill, Clearing, Feeder, Order
from optimizers.clearing.certificate import order_book_sha256
from optimizers.clearing.pairing import PairedTrade, pair_trades
from optimizers.clearing.why import fill_reasons
from optimizers.orders.book_order import BookOrder, MarketSite, Venue
from shared.events.records import FillReason, Side


@dataclass(frozen=True, slots=True)
class Position:
    """What a participant agreed the day before to buy and to sell in an interval."""

    bought_wh: int
    sold_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that an auction's answer depends on beside its orders.

    Args:
        positions: What was agreed the day before, by participant.
        stamped_in_halts: Ids of orders that were stamped in a halt, and admitted since it may not have been known yet.
        stamped_in_suspensions: The same of their participant's suspensions.
    """

    sites: Mapping[str, MarketSite]
    feeders: tuple[Feeder, ...]
    is_halted: bool
    tick_jeon: int = 1
    positions: Mapping[str, Position] = field(default_factory=dict)
    stamped_in_halts: frozenset[str] = frozenset()
    stamped_in_suspensions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Auction:
    """An auction's answer: the book in arrival order with a fill and its reason for each order, trades, certificate.

    `certificate` is None where a halt kept the book from being cleared.
    """

    book: tuple[BookOrder, ...]
    terms: Terms
    outcome: Clearing
    fills: tuple[BookFill, ...]
    reasons: tuple[FillReason, ...]
    trades: tuple[PairedTrade, ...]
    book_hash: str
    certificate: Mapping[str, object] | None

    @property
    def certificate_sha256(self) -> str | None:
        """Hash the certificate as JSON with sorted keys; None without one."""
        return None if self.certificate is None else certificate_sha256(self.certificate)

    @property
    def status(self) -> Literal["cleared", "halted"]:
        """Say whether the book was cleared."""
        return "halted" if self.certificate is None else "cleared"


def certificate_sha256(certificate: Mapping[str, object]) -> str:
    """Hash a certificate, whatever the order of its keys."""
    text = json.dumps(certificate, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def terms_of(
    venue: Venue,
    *,
    is_halted: bool,
    positions: Mapping[str, Position] | None = None,
    stamped_in_halts: Collection[str] = (),
    stamped_in_suspensions: Collection[str] = (),
) -> Terms:
    """Return the terms of a venue's auction."""
    return Terms(
        sites=venue.sites,
        feeders=venue.feeders,
        is_halted=is_halted,
        tick_jeon=venue.rules.calendar.tick_jeon,
        positions=positions or {},
        stamped_in_halts=frozenset(stamped_in_halts),
        stamped_in_suspensions=frozenset(stamped_in_suspensions),
    )


def hold_auction(terms: Terms, orders: Sequence[BookOrder]) -> Auction:
    """Clear a complete book; in a halted market nothing is filled.

    Orders are served at the margin as they were stamped: by instant, then writer, then the writer's sequence. Left out
    are those stamped in a halt or in their participant's suspension, those that would meet an earlier order of their
    own participant, and those that with its earlier orders on the same side are more than its site can take or deliver.
    """
    book = tuple(sorted(orders, key=lambda order: (order.submitted_at, order.writer, order.sequence)))
    left_out = dict.fromkeys(range(len(book)), FillReason.HALTED) if terms.is_halted else places_left_out(terms, book)
    entries = [entry_of(terms, order, place) for place, order in enumerate(book, start=1) if place - 1 not in left_out]
    outcome = clear(entries, terms.feeders, terms.tick_jeon)
    reasons = iter(fill_reasons(entries, outcome))
    fills = iter(outcome.fills)
    shown = [entry_of(terms, order, place) for place, order in enumerate(book, start=1)] if terms.is_halted else entries
    return Auction(
        book=book,
        terms=terms,
        outcome=outcome,
        fills=tuple(
            BookFill(order.order_id, 0, 0, 0) if place in left_out else next(fills) for place, order in enumerate(book)
        ),
        reasons=tuple(left_out[place] if place in left_out else next(reasons) for place in range(len(book))),
        trades=pair_trades(entries, outcome),
        book_hash=order_book_sha256(shown, terms.feeders),
        certificate=None if terms.is_halted else certificate.certificate(entries, terms.feeders, outcome),
    )


def entry_of(terms: Terms, order: BookOrder, place: int) -> Order:
    """Return a simple order as the clearing takes it."""
    return Order(
        order_id=order.order_id,
        participant_id=order.participant_id,
        side="buy" if order.side is Side.BUY else "sell",
        price_jeon_per_kwh=order.price_jeon_per_kwh,
        quantity_wh=order.quantity_wh,
        sequence=place,
        feeder_id=terms.sites[order.participant_id].feeder_id,
    )


def places_left_out(terms: Terms, book: Sequence[BookOrder]) -> dict[int, FillReason]:
    """Return the places in a book of the orders that may not take part, each with its reason.

    The book is in the order of stamps. Blocks count for the site's limit; which of them will run is not known yet, so
    that they meet nobody here.
    """
    left_out: dict[int, FillReason] = {}
    taken_wh: Counter[tuple[str, Side, datetime]] = Counter()
    best: dict[tuple[str, Side, datetime], int] = {}
    for place, order in enumerate(book):
        own, side = order.participant_id, order.side
        limit_wh = _room_wh(terms, own, side)
        if order.order_id in terms.stamped_in_halts:
            left_out[place] = FillReason.HALTED
        elif order.order_id in terms.stamped_in_suspensions:
            left_out[place] = FillReason.SUSPENDED
        elif not order.block_wh and _meets(order, best):
            left_out[place] = FillReason.OWN_ORDER
        elif any(taken_wh[own, side, start] + part_wh > limit_wh for start, part_wh in order.legs):
            left_out[place] = FillReason.SITE_LIMIT
        else:
            for start, part_wh in order.legs:
                taken_wh[own, side, start] += part_wh
            if not order.block_wh:
                key = (own, side, order.delivery_start)
                better = max if side == "buy" else min
                best[key] = better(best.get(key, order.price_jeon_per_kwh), order.price_jeon_per_kwh)
    return left_out


def _room_wh(terms: Terms, participant_id: str, side: Side) -> int:
    """Return how much more a site can take or deliver, beside what was agreed the day before."""
    site = terms.sites[participant_id]
    agreed = terms.positions.get(participant_id, Position(0, 0))
    if side == "buy":
        return site.take_wh_max - agreed.bought_wh + agreed.sold_wh
    return site.deliver_wh_max - agreed.sold_wh + agreed.bought_wh


def _meets(order: BookOrder, best: Mapping[tuple[str, Side, datetime], int]) -> bool:
    if order.side == "buy":
        lowest = best.get((order.participant_id, Side.SELL, order.delivery_start))
        return lowest is not None and order.price_jeon_per_kwh >= lowest
    highest = best.get((order.participant_id, Side.BUY, order.delivery_start))
    return highest is not None and order.price_jeon_per_kwh <= highest


def auction_id(complex_id: str, delivery_start: datetime) -> str:
    """Return the name of a complex's auction of one interval."""
    return f"{complex_id}:{delivery_start:%Y%m%dT%H%MZ}"


def terms_record(terms: Terms) -> dict[str, object]:
    """Return terms as JSON, to be kept beside the auction."""
    return {
        "version": 1,
        "is_halted": terms.is_halted,
        "tick_jeon": terms.tick_jeon,
        "stamped_in_halts": sorted(terms.stamped_in_halts),
        "stamped_in_suspensions": sorted(terms.stamped_in_suspensions),
        "positions": {name: [one.bought_wh, one.sold_wh] for name, one in sorted(terms.positions.items())},
        "sites": {name: [site.feeder_id, site.take_wh_max, site.deliver_wh_max] for name, site in terms.sites.items()},
        "feeders": [
            [
                feeder.feeder_id,
                feeder.import_limit_wh,
                feeder.export_limit_wh,
                feeder.wheeling_fee_jeon_per_kwh,
            ]
            for feeder in terms.feeders
        ],
    }


def terms_from(record: Mapping[str, object]) -> Terms:
    """Return the terms that `terms_record` wrote."""
    sites, feeders, tick_jeon = record["sites"], record["feeders"], record["tick_jeon"]
    positions, in_halts = record.get("positions", {}), record.get("stamped_in_halts", [])
    in_suspensions = record.get("stamped_in_suspensions", [])
    assert isinstance(in_halts, list)  # noqa: S101 -- as written by terms_record; narrows the type
    assert isinstance(in_suspensions, list)  # noqa: S101 -- as above
    assert isinstance(positions, dict)  # noqa: S101 -- as written by terms_record; narrows the type
    assert isinstance(sites, dict)  # noqa: S101 -- as written by terms_record; narrows the type
    assert isinstance(feeders, list)  # noqa: S101 -- as above
    assert isinstance(tick_jeon, int)  # noqa: S101 -- as above
    return Terms(
        is_halted=record["is_halted"] is True,
        tick_jeon=tick_jeon,
        positions={name: Position(*one) for name, one in positions.items()},
        stamped_in_halts=frozenset(in_halts),
        stamped_in_suspensions=frozenset(in_suspensions),
        sites={
            name: MarketSite(feeder_id=one[0], take_wh_max=one[1], deliver_wh_max=one[2]) for name, one in sites.items()
        },
        feeders=tuple(
            Feeder(
                feeder_id=feeder[0],
                import_limit_wh=feeder[1],
                export_limit_wh=feeder[2],
                wheeling_fee_jeon_per_kwh=feeder[3],
            )
            for feeder in feeders
        ),
    )

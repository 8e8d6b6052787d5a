"""Automatic orders: what covers or places a site's expected shortage or surplus in one interval."""

from dataclasses import dataclass
from datetime import datetime

from optimizers.orders.rules import OrderRules
from shared import units
from shared.complex.model import Bidding
from shared.events.records import OrderTerms, Side
from shared.intervals import INTERVAL, interval_of
from shared.units import WH_PER_KWH

# Below this an order would cost more attention than it moves energy.
ORDER_WH_MIN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteQuote:
    """What a kWh of one interval costs and is worth to a site [jeon].

    Args:
        import_jeon: What the grid charges for it.
        export_jeon: What the grid pays for it.
        value_jeon: What it is worth in the newest plan of the site's batteries; None without one.
    """

    import_jeon: int
    export_jeon: int
    value_jeon: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a site has for an interval, and has ordered, without the order that is to be made [Wh].

    Args:
        bought_wh, sold_wh: Agreed.
        open_buy_wh, open_sell_wh: Ordered by itself, and still open.
        room_wh: What its budget of energy leaves for the order; None: it has none.
        room_jeon_wh_per_kwh: What its budget of money leaves, price times energy [jeon x Wh / kWh]; None: it has none.
    """

    bought_wh: int = 0
    sold_wh: int = 0
    open_buy_wh: int = 0
    open_sell_wh: int = 0
    room_wh: int | None = None
    room_jeon_wh_per_kwh: int | None = None


NOTHING_BESIDE = Beside()


def automatic_bid(
    bidding: Bidding,
    delivery_start: datetime,
    net_kw: float,
    quote: SiteQuote,
    rules: OrderRules,
    beside: Beside = NOTHING_BESIDE,
) -> OrderTerms | None:
    """Return the order that covers or places what a site's expected shortage or surplus leaves open, if any.

    Left open is what was neither agreed nor ordered on the same side. An open order of the other side changes nothing,
    as it may stay unfilled.

    The price lies between what the grid pays and what it charges: at what the energy is worth to the site, where it
    asked for that and has a plan, or at its own share of the way. Where the grid pays at least as much as it charges,
    there is nothing to gain, and no order. Price and quantity fit the calendar in force, or there is no order either.

    Args:
        bidding: The participant's wishes.
        delivery_start: The interval.
        net_kw: Its expected consumption less its solar power, its batteries' plans included; below 0 is surplus.
        quote: The interval's prices.
        rules: The calendar in force when the order is stamped.
        beside: What else the site has and has ordered.
    """
    low_jeon, high_jeon = quote.export_jeon, quote.import_jeon
    if high_jeon <= low_jeon:
        return None
    short_wh = round(units.energy_kwh(abs(net_kw), INTERVAL) * WH_PER_KWH) * (1 if net_kw > 0 else -1)
    short_wh += beside.sold_wh - beside.bought_wh
    side = Side.BUY if short_wh > 0 else Side.SELL
    if bidding.pricing == "value" and quote.value_jeon is not None:
        price_jeon = min(max(quote.value_jeon, low_jeon), high_jeon)
    else:
        share = bidding.buy_share if side is Side.BUY else bidding.sell_share
        price_jeon = low_jeon + round(share * (high_jeon - low_jeon))
    wanted_wh = abs(short_wh) - (beside.open_buy_wh if side is Side.BUY else beside.open_sell_wh)
    if beside.room_wh is not None:
        wanted_wh = min(wanted_wh, beside.room_wh)
    if beside.room_jeon_wh_per_kwh is not None and side is Side.BUY and price_jeon > 0:
        wanted_wh = min(wanted_wh, beside.room_jeon_wh_per_kwh // price_jeon)
    fitted = rules.fit(side, price_jeon_per_kwh=price_jeon, quantity_wh=wanted_wh)
    if fitted is None or fitted[1] < ORDER_WH_MIN:
        return None
    price, quantity = fitted
    return OrderTerms(delivery_start=delivery_start, side=side, price_jeon_per_kwh=price, quantity_wh=quantity)


def intervals_to_bid_for(
    rules: OrderRules, next_rules: OrderRules, *, now: datetime, next_round: datetime, bid_through: datetime | None
) -> list[datetime]:
    """Return the intervals to bid for now: open, not bid for before, and closed when the next round comes.

    In a calendar that stays as it is that is one interval a round. Where a longer gate comes into force before the next
    round, the intervals that it closes are bid for as well.

    Args:
        rules: The calendar in force now.
        next_rules: The one in force at the next round.
        now: When the orders are stamped.
        next_round: When the next round comes at the latest.
        bid_through: The newest interval that was bid for; None before the first.
    """
    last = next_round + next_rules.gate_closure_lead
    first = interval_of(now + rules.gate_closure_lead) + INTERVAL
    if bid_through is not None:
        first = max(first, bid_through + INTERVAL)
    starts = (first + n * INTERVAL for n in range((last - first) // INTERVAL + 1))
    return [start for start in starts if rules.is_open_for(start, at=now)]

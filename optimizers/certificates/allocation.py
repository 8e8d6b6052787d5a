"""Who ends up with an interval's granular certificates, and for what: each is a Wh that a roof made or a battery gave.

The rules, in their order; they are the project's own (docs/adr/0014), as Korea has no official hourly certificate:

1. A sale takes certificates first: every sold Wh carries one while its seller has any, its own roofs' before its
   batteries' before what it was passed; too few are shared among its trades in proportion.
2. Each seller passes on once, after those it bought from; where a circle of trades leaves no such order, by name.
3. What is left is claimed by the factory's own consumption of that interval, then cancelled by what its batteries
   charged, and the rest, fed into the grid unsold or used by nobody, is withdrawn: no one else can claim it.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from optimizers.settlement.interval import SettledTrade

# What a certificate ended as: claimed by consumption, cancelled into a battery, withdrawn with what went into the grid,
# or withdrawn because a corrected reading says that its Wh was never made.
Purpose = Literal["use", "storage", "export", "correction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Certified energy of one device; of a battery, with the interval in which it was charged."""

    device_id: str
    charged_at: datetime | None = None
    quantity_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSite:
    """A participant's interval as far as certificates are concerned.

    Args:
        participant_id: Whose.
        consumption_wh: What its load took, batteries apart.
        supplies: What its roofs and batteries are certified for, in the order in which it goes.
        charged_wh: What its batteries took, by battery.
    """

    participant_id: str
    consumption_wh: int
    supplies: tuple[Supply, ...] = ()
    charged_wh: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a supply, and where it ended.

    `account_id` is the participant that held it last, `trade_id` the trade that brought it there, `battery_id` the one
    that it was charged into.
    """

    device_id: str
    charged_at: datetime | None
    account_id: str
    purpose: Purpose
    trade_id: str | None
    battery_id: str | None
    quantity_wh: int


@dataclass(frozen=True, slots=True)
class _Holding:
    """What a participant has of a supply; `trade_id` is the trade that brought it."""

    device_id: str
    charged_at: datetime | None
    trade_id: str | None
    quantity_wh: int


def allocate(sites: Mapping[str, CertificateSite], trades: Sequence[SettledTrade]) -> list[Share]:
    """Return where every certified Wh of the sites ended, without loss or repetition."""
    held = {site.participant_id: _own(site.supplies) for site in sites.values()}
    sold: defaultdict[str, list[SettledTrade]] = defaultdict(list)
    for trade in trades:
        if trade.buyer_id != trade.seller_id:
            sold[trade.seller_id].append(trade)
    for seller_id in _passing_order(sold):
        _pass_on(held, seller_id, sold[seller_id])
    return [share for participant_id in sorted(sites) for share in _used(sites[participant_id], held[participant_id])]


def _own(supplies: Iterable[Supply]) -> list[_Holding]:
    return [
        _Holding(supply.device_id, supply.charged_at, None, supply.quantity_wh)
        for supply in supplies
        if supply.quantity_wh
    ]


def _passing_order(sold: Mapping[str, Sequence[SettledTrade]]) -> list[str]:
    """Return every seller once, as far as possible after those it bought from."""
    buyers = {seller_id: {trade.buyer_id for trade in trades} & sold.keys() for seller_id, trades in sold.items()}
    suppliers = dict.fromkeys(sold, 0)
    for bought in buyers.values():
        for buyer_id in bought:
            suppliers[buyer_id] += 1
    ready = sorted(one for one, count in suppliers.items() if not count)
    waiting = sorted(sold.keys() - set(ready), reverse=True)
    order: dict[str, None] = {}
    while ready or waiting:
        seller_id = heapq.heappop(ready) if ready else waiting.pop()
        if seller_id in order:
            continue
        order[seller_id] = None
        for buyer_id in buyers[seller_id]:
            suppliers[buyer_id] -= 1
            if not suppliers[buyer_id] and buyer_id not in order:
                heapq.heappush(ready, buyer_id)
    return list(order)


def _pass_on(held: Mapping[str, list[_Holding]], seller_id: str, trades: Sequence[SettledTrade]) -> None:
    holdings = held[seller_id]
    sold_wh = sum(trade.quantity_wh for trade in trades)
    carried_wh = min(sum(holding.quantity_wh for holding in holdings), sold_wh)
    for trade, quantity_wh in zip(trades, _in_proportion(carried_wh, trades, sold_wh), strict=True):
        taken = _take(holdings, quantity_wh)
        held[trade.buyer_id].extend(replace(one, trade_id=trade.trade_id) for one in taken)


def _in_proportion(carried_wh: int, trades: Sequence[SettledTrade], sold_wh: int) -> list[int]:
    """Share certificates among trades by largest remainder, the earlier trade first."""
    if carried_wh == sold_wh:
        return [trade.quantity_wh for trade in trades]
    exact = [divmod(carried_wh * trade.quantity_wh, sold_wh) for trade in trades]
    shares_wh = [whole for whole, _ in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: -exact[n][1])
    for n in by_remainder[: carried_wh - sum(shares_wh)]:
        shares_wh[n] += 1
    return shares_wh


def _used(site: CertificateSite, holdings: list[_Holding]) -> list[Share]:
    """Return what a participant's certificates ended as."""
    uses: list[tuple[Purpose, str | None, int]] = [("use", None, site.consumption_wh)]
    uses += [("storage", battery_id, site.charged_wh[battery_id]) for battery_id in sorted(site.charged_wh)]
    uses.append(("export", None, sum(holding.quantity_wh for holding in holdings)))
    return [
        Share(
            device_id=one.device_id,
            charged_at=one.charged_at,
            account_id=site.participant_id,
            purpose=purpose,
            trade_id=one.trade_id,
            battery_id=battery_id,
            quantity_wh=one.quantity_wh,
        )
        for purpose, battery_id, quantity_wh in uses
        for one in _take(holdings, quantity_wh)
    ]


def _take(holdings: list[_Holding], quantity_wh: int) -> list[_Holding]:
    """Take up to so much from the front of the holdings."""
    taken = []
    while holdings and quantity_wh > 0:
        first = holdings[0]
        if first.quantity_wh <= quantity_wh:
            taken.append(holdings.pop(0))
        else:
            taken.append(replace(first, quantity_wh=quantity_wh))
            holdings[0] = replace(first, quantity_wh=first.quantity_wh - quantity_wh)
        quantity_wh -= first.quantity_wh
    return taken

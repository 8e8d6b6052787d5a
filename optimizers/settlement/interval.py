"""What an interval cost everyone: trades, the imbalance that the grid covers, and the ledger entries of both."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from optimizers.settlement.ledger import (
    GRID,
    IMBALANCE_SPREAD,
    WHEELING_FEES,
    LedgerEntry,
    Posting,
    participant_account,
    postings_of,
)
from shared.events.records import SettledLine
from shared.units import cost_krw


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTrade:
    """One buyer's energy from one seller; at a negative price both sums are below 0 and run the other way."""

    trade_id: str
    buyer_id: str
    seller_id: str
    quantity_wh: int
    paid_krw: int
    received_krw: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredEnergy:
    """A participant's interval at the grid meter, and at the terminals of its batteries together."""

    import_wh: int
    export_wh: int
    ess_import_wh: int
    ess_export_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the grid charges a participant for a kWh of the interval, and what it pays for one.

    Args:
        import_jeon_per_kwh: What it charges.
        export_jeon_per_kwh: What it pays.
        short_jeon_per_kwh: What imbalance costs that is drawn; None: what the grid charges.
        long_jeon_per_kwh: What imbalance earns that is left over; None: what the grid pays.
    """

    import_jeon_per_kwh: int
    export_jeon_per_kwh: int
    short_jeon_per_kwh: int | None = None
    long_jeon_per_kwh: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """An interval in money: participants' lines, and what goes into the ledger."""

    lines: tuple[SettledLine, ...]
    entries: tuple[LedgerEntry, ...]


def settle_interval(
    delivery_start: datetime,
    *,
    metered: Mapping[str, MeteredEnergy],
    prices: Mapping[str, Prices],
    trades: Sequence[SettledTrade],
    losses_wh: Mapping[str, int] = MappingProxyType({}),
) -> Settlement:
    """Settle one delivery interval of a complex.

    A participant's imbalance is metered net energy less the net of its trades: what is left over is drawn from the
    grid at the tariff, or fed into it at the sell-back price. Where the complex's rule has it cost something else, the
    operator keeps the difference. Each sum of money is rounded once, to the won.

    Args:
        delivery_start: The interval.
        metered: By participant, all of the complex.
        prices: For the same participants.
        trades: Of the interval's auction, between these participants.
        losses_wh: What a participant draws from the grid beside its own, as it was lost on the way to it.
    """
    lines = _lines(metered, prices, trades, losses_wh)
    entries = [_trade_entry(trade) for trade in trades]
    entries += [_loss_entry(delivery_start, line) for line in lines if line.loss_krw]
    entries += [_imbalance_entry(delivery_start, line) for line in lines]
    return Settlement(lines, tuple(entry for entry in entries if entry.postings))


def resettle_interval(
    delivery_start: datetime,
    *,
    settled: Mapping[str, Sequence[SettledLine]],
    metered: Mapping[str, MeteredEnergy],
    trades: Sequence[SettledTrade],
) -> Settlement:
    """Settle an interval again after a meter's value was corrected, at the prices of its first settlement.

    Args:
        delivery_start: The interval.
        settled: Each participant's lines so far, the first settlement's first.
        metered: By participant, as corrected.
        trades: As before.

    Returns:
        The lines that changed, and for each change in money an entry over the difference that names the one before. It
        names none where nothing was owed so far, as that has no entry.
    """
    prices = {
        participant_id: Prices(
            import_jeon_per_kwh=lines[-1].grid_import_price_jeon_per_kwh,
            export_jeon_per_kwh=lines[-1].grid_export_price_jeon_per_kwh,
            short_jeon_per_kwh=lines[-1].short_price_jeon_per_kwh,
            long_jeon_per_kwh=lines[-1].long_price_jeon_per_kwh,
        )
        for participant_id, lines in settled.items()
    }
    losses_wh = {participant_id: lines[-1].loss_wh for participant_id, lines in settled.items()}
    lines = _lines(metered, prices, trades, losses_wh)
    changed = [line for line in lines if line != settled[line.participant_id][-1]]
    entries = (_correction_entry(delivery_start, settled[line.participant_id], line) for line in changed)
    return Settlement(tuple(changed), tuple(entry for entry in entries if entry.postings))


def _lines(
    metered: Mapping[str, MeteredEnergy],
    prices: Mapping[str, Prices],
    trades: Iterable[SettledTrade],
    losses_wh: Mapping[str, int],
) -> tuple[SettledLine, ...]:
    bought: defaultdict[str, list[SettledTrade]] = defaultdict(list)
    sold: defaultdict[str, list[SettledTrade]] = defaultdict(list)
    for trade in trades:
        bought[trade.buyer_id].append(trade)
        sold[trade.seller_id].append(trade)
    return tuple(
        _line(one, energy, prices[one], bought[one], sold[one], losses_wh.get(one, 0))
        for one, energy in metered.items()
    )


def _line(
    participant_id: str,
    energy: MeteredEnergy,
    prices: Prices,
    bought: Sequence[SettledTrade],
    sold: Sequence[SettledTrade],
    loss_wh: int,
) -> SettledLine:
    bought_wh = sum(trade.quantity_wh for trade in bought)
    sold_wh = sum(trade.quantity_wh for trade in sold)
    # At a negative price the seller pays and the buyer receives.
    owed_krw = [trade.paid_krw for trade in bought] + [-trade.received_krw for trade in sold]
    imbalance_wh = (energy.import_wh - energy.export_wh) - (bought_wh - sold_wh)
    grid_krw = _grid_cost_krw(imbalance_wh, prices)
    without_wh = energy.import_wh - energy.export_wh - energy.ess_import_wh + energy.ess_export_wh
    return SettledLine(
        participant_id=participant_id,
        metered_import_wh=energy.import_wh,
        metered_export_wh=energy.export_wh,
        bought_wh=bought_wh,
        sold_wh=sold_wh,
        grid_import_wh=max(imbalance_wh, 0),
        grid_export_wh=max(-imbalance_wh, 0),
        grid_import_price_jeon_per_kwh=prices.import_jeon_per_kwh,
        grid_export_price_jeon_per_kwh=prices.export_jeon_per_kwh,
        trade_paid_krw=sum(krw for krw in owed_krw if krw > 0),
        trade_received_krw=-sum(krw for krw in owed_krw if krw < 0),
        grid_paid_krw=max(grid_krw, 0),
        grid_received_krw=max(-grid_krw, 0),
        cost_without_krw=_grid_cost_krw(without_wh, prices),
        short_price_jeon_per_kwh=prices.short_jeon_per_kwh,
        long_price_jeon_per_kwh=prices.long_jeon_per_kwh,
        spread_krw=_imbalance_cost_krw(imbalance_wh, prices) - grid_krw,
        loss_wh=loss_wh,
        loss_krw=cost_krw(loss_wh, prices.import_jeon_per_kwh),
    )


def _imbalance_cost_krw(net_wh: int, prices: Prices) -> int:
    """Return what imbalance costs by the complex's rule: the grid's price where it names no other."""
    own = prices.short_jeon_per_kwh if net_wh >= 0 else prices.long_jeon_per_kwh
    return _grid_cost_krw(net_wh, prices) if own is None else cost_krw(net_wh, own)


def _grid_cost_krw(net_wh: int, prices: Prices) -> int:
    """Return what the grid charges for a net energy: drawn above 0, fed in below 0 and then paid for."""
    if net_wh >= 0:
        return cost_krw(net_wh, prices.import_jeon_per_kwh)
    return -cost_krw(-net_wh, prices.export_jeon_per_kwh)


def _trade_entry(trade: SettledTrade) -> LedgerEntry:
    """The buyer owes, the seller is owed, and the operator keeps the difference as wheeling fee."""
    buyer, seller = participant_account(trade.buyer_id), participant_account(trade.seller_id)
    owed = (
        (buyer, trade.paid_krw),
        (seller, -trade.received_krw),
        (WHEELING_FEES, trade.received_krw - trade.paid_krw),
    )
    return LedgerEntry(f"trade:{trade.trade_id}", "trade", postings_of(owed))


def _imbalance_entry(delivery_start: datetime, line: SettledLine) -> LedgerEntry:
    return LedgerEntry(
        imbalance_id(delivery_start, line.participant_id),
        "imbalance",
        _owed(line, grid_krw=line.grid_owed_krw, spread_krw=line.spread_krw),
    )


def _loss_entry(delivery_start: datetime, line: SettledLine) -> LedgerEntry:
    return LedgerEntry(
        loss_id(delivery_start, line.participant_id),
        "loss",
        _owed(line, grid_krw=line.loss_krw, spread_krw=0),
    )


def _correction_entry(delivery_start: datetime, before: Sequence[SettledLine], line: SettledLine) -> LedgerEntry:
    return LedgerEntry(
        correction_id(delivery_start, line.participant_id, len(before)),
        "correction",
        _owed(
            line,
            grid_krw=line.grid_owed_krw - before[-1].grid_owed_krw,
            spread_krw=line.spread_krw - before[-1].spread_krw,
        ),
        corrects_entry_id=_last_entry_id(delivery_start, before),
    )


def _owed(line: SettledLine, *, grid_krw: int, spread_krw: int) -> tuple[Posting, ...]:
    """Return the postings of what a participant owes the grid and the operator."""
    participant = participant_account(line.participant_id)
    return postings_of(
        ((participant, grid_krw + spread_krw), (GRID, -grid_krw), (IMBALANCE_SPREAD, -spread_krw)),
    )


def _last_entry_id(delivery_start: datetime, lines: Sequence[SettledLine]) -> str | None:
    """Return the id of the newest entry that these lines, the first one first, led to."""
    owed_krw = [(0, 0), *((line.grid_owed_krw, line.spread_krw) for line in lines)]
    revisions = [revision for revision in range(len(lines)) if owed_krw[revision] != owed_krw[revision + 1]]
    if not revisions:
        return None
    participant_id = lines[0].participant_id
    if revisions[-1] == 0:
        return imbalance_id(delivery_start, participant_id)
    return correction_id(delivery_start, participant_id, revisions[-1])


def imbalance_id(delivery_start: datetime, participant_id: str) -> str:
    """Return the id of the entry over a participant's first settlement of an interval."""
    return f"imbalance:{delivery_start:%Y%m%dT%H%MZ}:{participant_id}"


def loss_id(delivery_start: datetime, participant_id: str) -> str:
    """Return the id of the entry over what was lost on the way to a participant."""
    return f"loss:{delivery_start:%Y%m%dT%H%MZ}:{participant_id}"


def correction_id(delivery_start: datetime, participant_id: str, revision: int) -> str:
    """Return the id of the entry that a later revision of a line led to."""
    return f"correction:{delivery_start:%Y%m%dT%H%MZ}:{participant_id}:{revision}"

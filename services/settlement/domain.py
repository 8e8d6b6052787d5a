"""What an interval cost everyone: trades, the imbalance that the grid covers, and the ledger entries of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, Literal

from shared.units import cost_krw

GRID: Final = "grid"
WHEELING_FEES: Final = "operator:fees"

Kind = Literal["trade", "imbalance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One buyer's energy from one seller; at a negative price both sums are below 0 and run the other way."""

    trade_id: str
    buyer_id: str
    seller_id: str
    quantity_wh: int
    paid_krw: int
    received_krw: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A participant's interval at the grid meter, and at the terminals of its batteries together."""

    import_wh: int
    export_wh: int
    ess_import_wh: int
    ess_export_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the grid charges a participant for a kWh of the interval, and what it pays for one."""

    import_jeon_per_kwh: int
    export_jeon_per_kwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One participant's interval; the fields are those of the event's SettledLine."""

    participant_id: str
    metered_import_wh: int
    metered_export_wh: int
    bought_wh: int
    sold_wh: int
    grid_import_wh: int
    grid_export_wh: int
    grid_import_price_jeon_per_kwh: int
    grid_export_price_jeon_per_kwh: int
    trade_paid_krw: int
    trade_received_krw: int
    grid_paid_krw: int
    grid_received_krw: int
    cost_without_krw: int

    @property
    def cost_with_krw(self) -> int:
        """Return what the interval cost with trading and batteries; below 0 it earned."""
        return self.trade_paid_krw - self.trade_received_krw + self.grid_paid_krw - self.grid_received_krw


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a ledger entry: a debit is owed by the account, a credit is due to it. One of the two is 0."""

    account: str
    debit_krw: int
    credit_krw: int

    def __post_init__(self) -> None:
        if min(self.debit_krw, self.credit_krw) != 0 or max(self.debit_krw, self.credit_krw) <= 0:
            raise ValueError(f"a posting must have one positive side, the other 0, was {self}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry; its debits equal its credits."""

    entry_id: str
    kind: Kind
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        debit_krw = sum(posting.debit_krw for posting in self.postings)
        credit_krw = sum(posting.credit_krw for posting in self.postings)
        if debit_krw != credit_krw:
            raise ValueError(f"entry {self.entry_id}: debits must equal credits, were {debit_krw} and {credit_krw} KRW")


@dataclass(frozen=True, slots=True)
class Settlement:
    """An interval in money: a line for each participant, and what goes into the ledger."""

    lines: tuple[Line, ...]
    entries: tuple[Entry, ...]


def participant_account(participant_id: str) -> str:
    """Return the name of a participant's account."""
    return f"participant:{participant_id}"


def settle_interval(
    delivery_start: datetime,
    *,
    metered: Mapping[str, Metered],
    prices: Mapping[str, Prices],
    trades: Sequence[Trade],
) -> Settlement:
    """Settle one delivery interval of a complex.

    A participant's imbalance is metered net energy less the net of its trades: what is left over is drawn from the
    grid at the tariff, or fed into it at the sell-back price. Each sum of money is rounded once, to the won.

    Args:
        delivery_start: The interval.
        metered: By participant, all of the complex.
        prices: For the same participants.
        trades: Of the interval's auction, between these participants.
    """
    lines = tuple(
        _line(participant_id, energy, prices[participant_id], trades) for participant_id, energy in metered.items()
    )
    entries = [_trade_entry(trade) for trade in trades] + [_imbalance_entry(delivery_start, line) for line in lines]
    return Settlement(lines, tuple(entry for entry in entries if entry.postings))


def _line(participant_id: str, energy: Metered, prices: Prices, trades: Sequence[Trade]) -> Line:
    bought = [trade for trade in trades if trade.buyer_id == participant_id]
    sold = [trade for trade in trades if trade.seller_id == participant_id]
    bought_wh = sum(trade.quantity_wh for trade in bought)
    sold_wh = sum(trade.quantity_wh for trade in sold)
    # At a negative price the seller pays and the buyer receives.
    owed_krw = [trade.paid_krw for trade in bought] + [-trade.received_krw for trade in sold]
    imbalance_wh = (energy.import_wh - energy.export_wh) - (bought_wh - sold_wh)
    grid_krw = _grid_cost_krw(imbalance_wh, prices)
    without_wh = energy.import_wh - energy.export_wh - energy.ess_import_wh + energy.ess_export_wh
    return Line(
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
    )


def _grid_cost_krw(net_wh: int, prices: Prices) -> int:
    """Return what the grid charges for a net energy: drawn above 0, fed in below 0 and then paid for."""
    if net_wh >= 0:
        return cost_krw(net_wh, prices.import_jeon_per_kwh)
    return -cost_krw(-net_wh, prices.export_jeon_per_kwh)


def _trade_entry(trade: Trade) -> Entry:
    """The buyer owes, the seller is owed, and the operator keeps the difference as wheeling fee."""
    buyer, seller = participant_account(trade.buyer_id), participant_account(trade.seller_id)
    owed = (
        (buyer, trade.paid_krw),
        (seller, -trade.received_krw),
        (WHEELING_FEES, trade.received_krw - trade.paid_krw),
    )
    return Entry(f"trade:{trade.trade_id}", "trade", _postings(owed))


def _imbalance_entry(delivery_start: datetime, line: Line) -> Entry:
    owed_krw = line.grid_paid_krw - line.grid_received_krw
    entry_id = f"imbalance:{delivery_start:%Y%m%dT%H%MZ}:{line.participant_id}"
    return Entry(
        entry_id, "imbalance", _postings(((participant_account(line.participant_id), owed_krw), (GRID, -owed_krw)))
    )


def _postings(owed: Iterable[tuple[str, int]]) -> tuple[Posting, ...]:
    """Return the postings of accounts that owe (above 0) or are owed (below 0) so many won; none for 0."""
    return tuple(Posting(account, max(krw, 0), max(-krw, 0)) for account, krw in owed if krw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A participant's day: sums of its settled lines."""

    intervals: int
    bought_wh: int
    sold_wh: int
    grid_import_wh: int
    grid_export_wh: int
    trade_paid_krw: int
    trade_received_krw: int
    grid_paid_krw: int
    grid_received_krw: int
    cost_with_krw: int
    cost_without_krw: int

    @property
    def saving_krw(self) -> int:
        """Return what trading and batteries saved; below 0 they cost."""
        return self.cost_without_krw - self.cost_with_krw


def statement_of(lines: Sequence[Line]) -> Statement:
    """Sum one participant's lines."""
    summed = [field.name for field in fields(Statement) if field.name != "intervals"]
    sums = {name: sum(getattr(line, name) for line in lines) for name in summed}
    return Statement(intervals=len(lines), **sums)

"""The values a call auction takes and gives: orders and feeders in, fills and prices out. All integers."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy.typing as npt

from shared.arrays import Flags

Side = Literal["buy", "sell"]

# int64, or Python ints in an object array where a checked bound says that int64 could overflow (see `exact`).
Ints = npt.NDArray[Any]

# 10**12 kWh and 10**12 KRW/kWh: far beyond any market, and each still fits int64 with room for fees and ticks.
QUANTITY_WH_MAX: Final = 10**15
PRICE_JEON_PER_KWH_MAX: Final = 10**14
# A limit no flow can reach, in Python ints, where they do not overflow.
UNLIMITED_WH: Final = 1 << 100
_INT64_SAFE: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One limit order of one delivery interval.

    Args:
        sequence: Place in arrival order, unique in a book; the smaller goes first at the marginal price.
        feeder_id: Where the participant is connected; None is the hub, beyond all feeders.
    """

    order_id: str
    participant_id: str
    side: Side
    price_jeon_per_kwh: int
    quantity_wh: int
    sequence: int
    feeder_id: str | None = None

    def __post_init__(self) -> None:
        if not self.order_id or not self.participant_id:
            raise ValueError(f"order {self.order_id!r}: order_id and participant_id must not be empty")
        if self.side not in {"buy", "sell"}:
            raise ValueError(f"order {self.order_id}: side must be buy or sell, was {self.side!r}")
        if not 0 < self.quantity_wh <= QUANTITY_WH_MAX:
            rule = f"quantity_wh must be in 1..{QUANTITY_WH_MAX}"
            raise ValueError(f"order {self.order_id}: {rule}, was {self.quantity_wh}")
        if abs(self.price_jeon_per_kwh) > PRICE_JEON_PER_KWH_MAX:
            rule = f"price_jeon_per_kwh must be within ±{PRICE_JEON_PER_KWH_MAX}"
            raise ValueError(f"order {self.order_id}: {rule}, was {self.price_jeon_per_kwh}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """One feeder of the radial complex, between its factories and the hub.

    Args:
        import_limit_wh: Most energy that may flow from the hub in one delivery interval; None is unlimited.
        export_limit_wh: The same towards the hub.
        wheeling_fee_jeon_per_kwh: Paid for each kWh that crosses the feeder's boundary, in or out.
    """

    feeder_id: str
    import_limit_wh: int | None
    export_limit_wh: int | None
    wheeling_fee_jeon_per_kwh: int

    def __post_init__(self) -> None:
        if not self.feeder_id:
            raise ValueError("feeder_id must not be empty")
        for name, limit_wh in (("import", self.import_limit_wh), ("export", self.export_limit_wh)):
            if limit_wh is not None and limit_wh < 0:
                raise ValueError(f"feeder {self.feeder_id}: {name}_limit_wh must be >= 0, was {limit_wh}")
        if not 0 <= self.wheeling_fee_jeon_per_kwh <= PRICE_JEON_PER_KWH_MAX:
            rule = f"wheeling_fee_jeon_per_kwh must be in 0..{PRICE_JEON_PER_KWH_MAX}"
            raise ValueError(f"feeder {self.feeder_id}: {rule}, was {self.wheeling_fee_jeon_per_kwh}")


@dataclass(frozen=True, slots=True)
class BookFill:
    """What one order got.

    Args:
        paid_krw: What the order's owner pays: a buyer at a positive price, a seller at a negative one.
        received_krw: What the owner receives. One of the two is always 0.
    """

    order_id: str
    filled_wh: int
    paid_krw: int
    received_krw: int

    @property
    def payment_krw(self) -> int:
        """Signed, for files only: positive is paid, negative is received."""
        return self.paid_krw - self.received_krw


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederResult:
    """What the auction says about one feeder.

    Args:
        price_jeon_per_kwh: Locational price inside the feeder; None when nothing trades anywhere, or nothing bounds it.
        import_wh: Net energy from the hub; 0 when the feeder exports.
        export_wh: Net energy to the hub; 0 when the feeder imports.
        binding: Which limit holds the flow back, if any. A limit above 0 binds when the flow stands at it; a limit of
            0 binds when the price gap to the hub exceeds the wheeling fee.
    """

    feeder_id: str
    price_jeon_per_kwh: int | None
    price_low_jeon_per_kwh: int | None
    price_high_jeon_per_kwh: int | None
    import_wh: int
    export_wh: int
    binding: Literal["import", "export"] | None


@dataclass(frozen=True, kw_only=True)
class FeederOutcome:
    """The answer of one auction, orders apart.

    Args:
        price_jeon_per_kwh: The uniform price; with feeders, the price at the hub. None when nothing trades, or when
            nothing bounds it (all trades are inside feeders that are cut off from the hub).
        price_low_jeon_per_kwh: Lowest admissible price: every accepted order is content and every rejected one too.
            None when nothing trades or no price is too low.
        price_high_jeon_per_kwh: The highest one.
        volume_wh: Energy bought, which is the energy sold.
        welfare_jeon_wh: Limits of the accepted buys less those of the accepted sells less wheeling fees, exact, in
            jeon/kWh x Wh: 100,000 of these are one won.
        wheeling_krw: Wheeling fees, rounded half up to the won.
        fees_krw: What buyers pay more than sellers receive: wheeling fees plus the rent of binding limits, their
            exact sum rounded once, half up, to the won.
    """

    price_jeon_per_kwh: int | None
    price_low_jeon_per_kwh: int | None
    price_high_jeon_per_kwh: int | None
    volume_wh: int
    welfare_jeon_wh: int
    wheeling_krw: int
    fees_krw: int
    feeders: tuple[FeederResult, ...]


@dataclass(frozen=True, kw_only=True)
class Clearing(FeederOutcome):
    """The answer of one auction with a fill for every order, in input order."""

    fills: tuple[BookFill, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation(FeederOutcome):
    """The same as columns, in the rows of the book: what is wanted for books of a million orders."""

    filled_wh: Ints
    payment_krw: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Book:
    """The orders of one auction as columns; row order is arrival order, which is time priority.

    Args:
        is_buy: True for a buy, False for a sell.
        node: 0 at the hub, k at the k-th feeder (from 1).
    """

    is_buy: Flags
    price_jeon_per_kwh: Ints
    quantity_wh: Ints
    node: Ints

    @property
    def size(self) -> int:
        """Number of orders."""
        return len(self.quantity_wh)


def exact(numbers: Ints, *, bound: int) -> Ints:
    """Return the numbers in a type in which results up to the bound are exact: int64, or else Python ints."""
    return numbers if bound < _INT64_SAFE else numbers.astype(object)


def exact_sum(numbers: Ints) -> int:
    """Return the sum of non-negative int64 numbers, however large: low and high halves apart."""
    return (int((numbers >> 31).sum()) << 31) + int((numbers & 0x7FFFFFFF).sum())

"""Orders and feeders for tests: builders for what does not matter, and strategies for laws."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from optimizers.clearing.block_book import Block
from optimizers.clearing.book import Feeder, Order

FEEDER_IDS = ("F1", "F2")


def buy(price_jeon: int, quantity_wh: int, *, at: str | None = None, order_id: str = "") -> Order:
    return _order("buy", price_jeon, quantity_wh, at, order_id)


def sell(price_jeon: int, quantity_wh: int, *, at: str | None = None, order_id: str = "") -> Order:
    return _order("sell", price_jeon, quantity_wh, at, order_id)


def _order(side: str, price_jeon: int, quantity_wh: int, feeder_id: str | None, order_id: str) -> Order:
    return Order(
        order_id=order_id or f"{side} {price_jeon} {quantity_wh} {feeder_id}",
        participant_id="somebody",
        side="buy" if side == "buy" else "sell",
        price_jeon_per_kwh=price_jeon,
        quantity_wh=quantity_wh,
        sequence=0,
        feeder_id=feeder_id,
    )


def a_block(
    side: str, price_jeon: int, *quantity_wh: int, first: int = 0, at: str | None = None, number: int = 1
) -> Block:
    return Block(
        block_id=f"block {number}",
        participant_id="a factory",
        side="buy" if side == "buy" else "sell",
        price_jeon_per_kwh=price_jeon,
        first_interval=first,
        quantity_wh=quantity_wh,
        sequence=number,
        feeder_id=at,
    )


def arriving(*orders: Order) -> list[Order]:
    """Number orders as they arrive, and name them apart."""
    return [
        replace(order, sequence=place, order_id=f"{place}: {order.order_id}", participant_id=f"participant {place}")
        for place, order in enumerate(orders, start=1)
    ]


def feeder(feeder_id: str, *, limit_wh: int | None = None, fee_jeon: int = 0, export_wh: int | None = None) -> Feeder:
    """A feeder with one limit both ways, or another one for export."""
    return Feeder(
        feeder_id=feeder_id,
        import_limit_wh=limit_wh,
        export_limit_wh=limit_wh if export_wh is None else export_wh,
        wheeling_fee_jeon_per_kwh=fee_jeon,
    )


def feeders(limit_wh_max: int = 4, fee_jeon_max: int = 3) -> st.SearchStrategy[list[Feeder]]:
    limit = st.none() | st.integers(0, limit_wh_max)
    one = [
        st.builds(
            Feeder,
            feeder_id=st.just(feeder_id),
            import_limit_wh=limit,
            export_limit_wh=limit,
            wheeling_fee_jeon_per_kwh=st.integers(0, fee_jeon_max),
        )
        for feeder_id in FEEDER_IDS
    ]
    return st.tuples(*one).map(list)


@st.composite
def books(
    draw: st.DrawFn, places: Sequence[str | None] = (None,), orders_max: int = 5, wh_max: int = 3, price_max: int = 5
) -> list[Order]:
    """Books in which prices tie often and are of both signs, in an order of rows that is not the order of arrival."""
    one = st.builds(
        _order,
        st.sampled_from(["buy", "sell"]),
        st.integers(-2, price_max),
        st.integers(1, wh_max),
        st.sampled_from(places),
        st.just(""),
    )
    return draw(st.permutations(arriving(*draw(st.lists(one, max_size=orders_max)))))

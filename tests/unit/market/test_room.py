"""What a site may still trade beside what it agreed the day before."""

from datetime import UTC, datetime, timedelta

import pytest

from optimizers.orders.book_order import BookOrder, MarketSite
from services.market.domain.auction import Position, Terms, places_left_out
from shared.events.records import FillReason, Side

DELIVERY = datetime(2026, 5, 20, 1, tzinfo=UTC)


def terms(position: Position) -> Terms:
    return Terms(
        sites={"p": MarketSite(feeder_id="F", take_wh_max=100, deliver_wh_max=60)},
        feeders=(),
        is_halted=False,
        tick_jeon=1,
        positions={"p": position},
    )


def an_order(side: Side, quantity_wh: int) -> BookOrder:
    return BookOrder(
        order_id="o",
        participant_id="p",
        delivery_start=DELIVERY,
        side=side,
        price_jeon_per_kwh=10_000,
        quantity_wh=quantity_wh,
        submitted_at=DELIVERY - timedelta(hours=1),
        writer="trading_api",
        sequence=1,
    )


@pytest.mark.parametrize(
    ("position", "side", "room_wh"),
    [
        # What was bought the day before is taken already, what was sold can be bought back.
        (Position(bought_wh=30, sold_wh=0), Side.BUY, 70),
        (Position(bought_wh=0, sold_wh=30), Side.BUY, 130),
        (Position(bought_wh=0, sold_wh=30), Side.SELL, 30),
        (Position(bought_wh=30, sold_wh=0), Side.SELL, 90),
        (Position(bought_wh=0, sold_wh=0), Side.BUY, 100),
        (Position(bought_wh=0, sold_wh=0), Side.SELL, 60),
    ],
)
def test_what_was_agreed_the_day_before_takes_room_on_its_own_side_and_gives_room_on_the_other(
    position: Position, side: Side, room_wh: int
) -> None:
    assert places_left_out(terms(position), [an_order(side, room_wh)]) == {}
    assert places_left_out(terms(position), [an_order(side, room_wh + 1)]) == {0: FillReason.SITE_LIMIT}

"""The largest auction still fits into one message."""

from datetime import UTC, datetime

from optimizers.orders.book_order import DAY_AHEAD_BLOCKS_MAX, DAY_AHEAD_ORDERS_MAX, ORDERS_PER_AUCTION_MAX
from shared.complex.model import FEEDERS_MAX
from shared.events.market import AuctionCleared
from shared.events.records import Fill, FillReason, Side, Trade
from shared.events.wire import MESSAGE_BYTES_MAX

INSTANT = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
LONGEST_ID = "x" * 100  # the most that an Identifier may have
LARGEST_WH = 10**12  # the most that a complex file lets one order ask for: 1e9 kWh
LARGEST_KRW = 10**12


def test_the_largest_book_with_the_longest_names_fits_into_one_message() -> None:
    fill = Fill(
        order_id=LONGEST_ID,
        participant_id=LONGEST_ID,
        side=Side.SELL,
        quantity_wh=LARGEST_WH,
        price_jeon_per_kwh=100_000,
        filled_wh=LARGEST_WH,
        paid_krw=0,
        received_krw=LARGEST_KRW,
        reason=FillReason.SITE_LIMIT,
    )
    trade = Trade(
        trade_id=LONGEST_ID,
        buy_order_id=LONGEST_ID,
        sell_order_id=LONGEST_ID,
        buyer_id=LONGEST_ID,
        seller_id=LONGEST_ID,
        quantity_wh=LARGEST_WH,
        paid_krw=LARGEST_KRW,
        received_krw=LARGEST_KRW,
    )
    # Each trade uses up at least one order, so that there are never more trades than orders.
    auction = AuctionCleared(
        complex_id=LONGEST_ID,
        auction_id=LONGEST_ID,
        delivery_start=INSTANT,
        cleared_at=INSTANT,
        status="cleared",
        price_jeon_per_kwh=100_000,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        volume_wh=LARGEST_WH,
        fees_krw=LARGEST_KRW,
        feeder_price_jeon_per_kwh={f"{n:0100}": 100_000 for n in range(FEEDERS_MAX)},
        book_hash="0" * 64,
        fills=(fill,) * ORDERS_PER_AUCTION_MAX,
        trades=(trade,) * ORDERS_PER_AUCTION_MAX,
        day_ahead_trades=(trade,) * (DAY_AHEAD_ORDERS_MAX + DAY_AHEAD_BLOCKS_MAX),
        welfare_jeon_wh=10**24,
        certificate_sha256="0" * 64,
        binding_limits={f"{n:0100}": "import" for n in range(FEEDERS_MAX)},
    )

    assert len(auction.model_dump_json().encode()) <= MESSAGE_BYTES_MAX

"""What the other services tell the trading API about one interval, as its tests need it."""

from datetime import UTC, date, datetime
from typing import Any

from shared.events.deadletters import MessageSetAside
from shared.events.fems import DeviceObserved, IntervalMetered, MeterKind, Quality
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.events.market import AuctionCleared
from shared.events.orders import OrderSubmitted
from shared.events.records import Fill, SettledLine, Side, Trade
from shared.events.settlement import IntervalSettled, StatementIssued
from shared.intervals import INTERVAL
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, SEOJIN

DELIVERY = datetime(2026, 5, 20, 3, 30, tzinfo=UTC)


# The last interval of 19 May in Korea, and the first of 21 May.
DAY_BEFORE, DAY_AFTER = datetime(2026, 5, 19, 14, 45, tzinfo=UTC), datetime(2026, 5, 20, 15, tzinfo=UTC)


def a_reading(
    start: datetime = DELIVERY, meter_id: str = f"{HANBIT}.grid", participant_id: str = HANBIT
) -> IntervalMetered:
    return IntervalMetered(
        complex_id=COMPLEX,
        meter_id=meter_id,
        participant_id=participant_id,
        meter_kind=MeterKind.GRID,
        delivery_start=start,
        import_wh=12_345,
        export_wh=0,
        quality=Quality.MEASURED,
    )


def an_order(order_id: str, participant_id: str, side: Side, start: datetime = DELIVERY) -> OrderSubmitted:
    return OrderSubmitted(
        complex_id=COMPLEX,
        order_id=order_id,
        client_order_id=order_id,
        participant_id=participant_id,
        delivery_start=start,
        side=side,
        price_jeon_per_kwh=12_000,
        quantity_wh=10_000,
        submitted_at=NOON,
        writer="scheduler",
        sequence=1,
    )


def a_trade(price_jeon: int | None, volume_wh: int, start: datetime = DELIVERY) -> AuctionCleared:
    """Return an auction in which hanbit buys from seojin, at 120 KRW/kWh if that is the price."""
    name = f"{start:%H%M}"
    orders: list[tuple[str, str, Side]] = [(f"b{name}", HANBIT, Side.BUY), (f"s{name}", SEOJIN, Side.SELL)]
    fills = tuple(
        Fill(
            order_id=order_id,
            participant_id=participant_id,
            side=side,
            quantity_wh=10_000,
            price_jeon_per_kwh=12_000,
            filled_wh=volume_wh,
            paid_krw=1_200 if side is Side.BUY else 0,
            received_krw=1_200 if side is Side.SELL else 0,
        )
        for order_id, participant_id, side in orders
    )
    trade = Trade(
        trade_id=f"t{name}",
        buy_order_id=f"b{name}",
        sell_order_id=f"s{name}",
        buyer_id=HANBIT,
        seller_id=SEOJIN,
        quantity_wh=volume_wh,
        paid_krw=1_200,
        received_krw=1_200,
    )
    return AuctionCleared(
        complex_id=COMPLEX,
        auction_id=f"{COMPLEX}:{name}",
        delivery_start=start,
        cleared_at=start - INTERVAL,
        status="cleared",
        price_jeon_per_kwh=price_jeon,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        volume_wh=volume_wh,
        fees_krw=0,
        feeder_price_jeon_per_kwh={"F1": price_jeon},
        book_hash="0" * 64,
        fills=fills,
        trades=(trade,) if volume_wh else (),
    )


def a_settlement(start: datetime = DELIVERY) -> IntervalSettled:
    line = {
        "metered_import_wh": 12_345,
        "metered_export_wh": 0,
        "bought_wh": 10_000,
        "sold_wh": 0,
        "grid_import_wh": 2_345,
        "grid_export_wh": 0,
        "grid_import_price_jeon_per_kwh": 17_000,
        "grid_export_price_jeon_per_kwh": 9_000,
        "trade_paid_krw": 1_200,
        "trade_received_krw": 0,
        "grid_paid_krw": 399,
        "grid_received_krw": 100,
        "cost_without_krw": 2_099,
    }
    return IntervalSettled(
        complex_id=COMPLEX,
        delivery_start=start,
        settled_at=start + INTERVAL,
        ledger_entries=6,
        ledger_sum_krw=0,
        lines=(SettledLine(participant_id=HANBIT, **line), SettledLine(participant_id=SEOJIN, **line)),
    )


def a_statement() -> StatementIssued:
    return StatementIssued(
        complex_id=COMPLEX,
        statement_id="st-1",
        participant_id=HANBIT,
        trading_day=date(2026, 5, 20),
        intervals=96,
        bought_wh=10_000,
        sold_wh=0,
        grid_import_wh=2_345,
        grid_export_wh=0,
        trade_paid_krw=1_200,
        trade_received_krw=0,
        grid_paid_krw=399,
        grid_received_krw=0,
        cost_with_krw=1_599,
        cost_without_krw=2_099,
        saving_krw=500,
    )


def an_observation(participant_id: str) -> DeviceObserved:
    return DeviceObserved(
        complex_id=COMPLEX,
        device_id=f"{participant_id}.grid",
        participant_id=participant_id,
        meter_kind=MeterKind.GRID,
        observed_at=NOON,
        import_w=100_000,
        export_w=0,
        reachable=True,
    )


def setpoint_facts(name: str) -> dict[str, Any]:
    return {
        "complex_id": COMPLEX,
        "setpoint_id": name,
        "device_id": "hanbit-ess",
        "delivery_start": DELIVERY,
        "setpoint_w": -50_000,
    }


def a_forecast() -> ForecastIssued:
    return ForecastIssued(
        complex_id=COMPLEX,
        site_id="hanbit-roof",
        participant_id=HANBIT,
        kind=ForecastKind.PV,
        issued_at=NOON,
        first_delivery_start=NOON,
        model="clear-sky",
        p10_kw=(1.04,),
        p50_kw=(2.0,),
        p90_kw=(3.0,),
        mean_kw=(2.06,),
    )


def a_letter(complex_id: str) -> MessageSetAside:
    return MessageSetAside(
        complex_id=complex_id,
        service="market",
        topic="scheduler.orders.v1",
        partition=0,
        offset=7,
        key="k",
        reason="body must be JSON",
        set_aside_at=NOON,
        headers=(),
        body_base64="",
    )

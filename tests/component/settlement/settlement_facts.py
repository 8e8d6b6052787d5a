"""Facts around one delivery interval of the demo complex, as settlement's tests need them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from services.settlement import handlers, store
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, load_complex
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.market import AuctionCleared
from shared.events.records import Trade
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

COMPLEX = load_complex(DEMO_COMPLEX)
COMPLEX_ID = COMPLEX.complex_id
# A Wednesday at 10:00 in Korea: 133.40 KRW/kWh under option II at high voltage A; surplus earns 100.
DELIVERY = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
SELLER, BUYER = "hanbit-machining", "changsin-bearing"


def a_bench(place: Path | str, complex_: Complex = COMPLEX) -> Bench:
    """Return the settlement of the demo complex, or of one made from it."""
    return Bench(handlers.service(Complexes(complex_)), store.METADATA, place, DELIVERY)


def an_auction(delivery_start: datetime, *, traded_wh: int = 20_000) -> AuctionCleared:
    """Return an auction in which the buyer pays 113 and the seller receives 110 KRW/kWh."""
    auction_id = f"a:{delivery_start:%Y%m%dT%H%MZ}"
    trade = Trade(
        trade_id=f"{auction_id}:1",
        buy_order_id="b",
        sell_order_id="s",
        buyer_id=BUYER,
        seller_id=SELLER,
        quantity_wh=traded_wh,
        paid_krw=traded_wh * 113 // 1_000,
        received_krw=traded_wh * 110 // 1_000,
    )
    return AuctionCleared(
        complex_id=COMPLEX_ID,
        auction_id=auction_id,
        delivery_start=delivery_start,
        cleared_at=delivery_start,
        status="cleared",
        price_jeon_per_kwh=11_150 if traded_wh else None,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        volume_wh=traded_wh,
        fees_krw=trade.paid_krw - trade.received_krw,
        feeder_price_jeon_per_kwh={},
        book_hash="0" * 64,
        fills=(),
        trades=(trade,) if traded_wh else (),
    )


def readings(delivery_start: datetime, flows_wh: Mapping[str, tuple[int, int]]) -> list[IntervalMetered]:
    """Return a reading (import, export) of every grid and battery meter; those not named stood still."""
    return [
        IntervalMetered(
            complex_id=COMPLEX_ID,
            meter_id=one.device_id,
            participant_id=one.participant_id,
            meter_kind=one.kind,
            delivery_start=delivery_start,
            import_wh=flows_wh.get(one.device_id, (0, 0))[0],
            export_wh=flows_wh.get(one.device_id, (0, 0))[1],
            quality=Quality.MEASURED,
        )
        for one in COMPLEX.devices
        if one.kind is not MeterKind.PV
    ]


def sun(delivery_start: datetime, made_wh: int) -> list[IntervalMetered]:
    """Return a reading of every roof."""
    return [
        IntervalMetered(
            complex_id=COMPLEX_ID,
            meter_id=one.device_id,
            participant_id=one.participant_id,
            meter_kind=one.kind,
            delivery_start=delivery_start,
            import_wh=0,
            export_wh=made_wh,
            quality=Quality.MEASURED,
        )
        for one in COMPLEX.devices
        if one.kind is MeterKind.PV
    ]


FLOWS_WH = {f"{SELLER}.grid": (0, 25_000), "hanbit-ess": (4_000, 0), f"{BUYER}.grid": (30_000, 0)}

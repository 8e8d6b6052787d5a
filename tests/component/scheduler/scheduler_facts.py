"""A small complex and what the scheduler is told about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from services.scheduler import handlers, store
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.base import Event
from shared.events.fems import DeviceObserved, MeterKind, SetpointRefused
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.events.market import AuctionCleared
from shared.events.scheduler import SetpointIssued
from shared.intervals import INTERVAL
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HANBIT, DAESUNG = "hanbit-machining", "daesung-casting"
ROOF, BATTERY = "hanbit-roof", "hanbit-ess"


def a_complex(complex_id: str, *, lead_minutes: int = 15) -> Complex:
    """Return the demo's first two factories: one with a roof and a battery, one with neither."""
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    content["complex_id"] = complex_id
    content["market"]["gate_closure_lead_minutes"] = lead_minutes
    content["participants"] = content["participants"][:2]
    return Complex.model_validate(content)


def a_bench(folder: Path, *complexes: Complex) -> Bench:
    """Return a scheduler of some complexes at noon."""
    service = handlers.service(Complexes(*complexes))
    return Bench(service, store.METADATA, folder, NOON)


def a_forecast(complex_id: str, at: datetime, kind: ForecastKind, site_id: str, power_kw: float) -> ForecastIssued:
    """Return a day of the same power."""
    series = (power_kw,) * 96
    return ForecastIssued(
        complex_id=complex_id,
        site_id=site_id,
        participant_id=DAESUNG if site_id == DAESUNG else HANBIT,
        kind=kind,
        issued_at=at,
        first_delivery_start=at,
        model="flat",
        p10_kw=series,
        p50_kw=series,
        p90_kw=series,
        mean_kw=series,
    )


def forecasts(complex_id: str, at: datetime, *, load_kw: float = 140.0, pv_kw: float = 540.0) -> list[Event]:
    """Return the forecasts of all sites, issued at an interval's start."""
    return [
        a_forecast(complex_id, at, ForecastKind.LOAD, HANBIT, load_kw),
        a_forecast(complex_id, at, ForecastKind.PV, ROOF, pv_kw),
        a_forecast(complex_id, at, ForecastKind.LOAD, DAESUNG, 480.0),
    ]


def a_state(complex_id: str, at: datetime, soc_wh: int = 400_000) -> DeviceObserved:
    """Return what the battery said."""
    return DeviceObserved(
        complex_id=complex_id,
        device_id=BATTERY,
        participant_id=HANBIT,
        meter_kind=MeterKind.ESS,
        observed_at=at,
        import_w=0,
        export_w=0,
        soc_wh=soc_wh,
        capacity_wh=1_000_000,
        reachable=True,
    )


def an_auction(complex_id: str, delivery_start: datetime) -> AuctionCleared:
    """Return an auction without a trade."""
    return AuctionCleared(
        complex_id=complex_id,
        auction_id=f"{complex_id}:{delivery_start:%Y%m%dT%H%MZ}",
        delivery_start=delivery_start,
        cleared_at=delivery_start - INTERVAL,
        status="cleared",
        price_jeon_per_kwh=None,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        volume_wh=0,
        fees_krw=0,
        feeder_price_jeon_per_kwh={},
        book_hash="0" * 64,
        fills=(),
        trades=(),
    )


def a_refusal(setpoint: SetpointIssued) -> SetpointRefused:
    """Return the gateway's word that the converter did not take a set-point."""
    return SetpointRefused(
        complex_id=setpoint.complex_id,
        setpoint_id=setpoint.setpoint_id,
        device_id=setpoint.device_id,
        delivery_start=setpoint.delivery_start,
        setpoint_w=setpoint.setpoint_w,
        reason="unconfirmed",
        detail="the converter did not answer",
    )


def a_quarter_hour(bench: Bench, complex_id: str, start: datetime) -> None:
    """Let an interval begin, and tell the scheduler all that it waits for."""
    bench.run(until=start)
    bench.give(*forecasts(complex_id, start), an_auction(complex_id, start + INTERVAL))

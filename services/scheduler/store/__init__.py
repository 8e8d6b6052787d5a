"""What the scheduler remembers: newest forecasts and battery states, trades made, and how far it has dispatched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.orders.rules import OrderRules, rules_in_force
from services.scheduler.domain import Measured, Position
from services.scheduler.store.tables import (
    CALENDAR,
    ESS_STATE,
    FORECAST,
    METADATA,
    NEED,
    ORDER,
    PEAK,
    POSITION,
    PROGRESS,
    SETPOINT,
    SUSPENDED,
)
from shared.complex.model import Complex
from shared.db.bulk import upsert_rows
from shared.db.calendars import calendar_at
from shared.events.fems import DeviceObserved
from shared.events.forecast import ForecastIssued
from shared.events.market import AuctionCleared, DayAheadCleared
from shared.events.records import CALENDAR_JSON, Side
from shared.events.scheduler import SetpointIssued
from shared.units import WH_PER_KWH

__all__ = ["METADATA"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest interval that was cleared, dispatched, and bid for; and whether the market takes no orders."""

    cleared_through: datetime | None = None
    dispatched_through: datetime | None = None
    bid_through: datetime | None = None
    is_halted: bool = False


@dataclass(frozen=True, slots=True)
class SavedForecast:
    """The newest forecast of a site."""

    first_delivery_start: datetime
    p10_kw: tuple[float, ...]
    p50_kw: tuple[float, ...]
    p90_kw: tuple[float, ...]


def save_forecast(db: Connection, event: ForecastIssued) -> None:
    """Keep a site's newest forecast: they come in the order of their issue."""
    values = {
        "complex_id": event.complex_id,
        "site_id": event.site_id,
        "kind": event.kind.value,
        "participant_id": event.participant_id,
        "first_delivery_start": event.first_delivery_start,
        "p10_kw": list(event.p10_kw),
        "p50_kw": list(event.p50_kw),
        "p90_kw": list(event.p90_kw),
    }
    upsert_rows(db, FORECAST, [values])


def load_forecasts(db: Connection, complex_id: str) -> dict[tuple[str, str], SavedForecast]:
    """Return the newest forecasts of a complex by kind and site."""
    rows = db.execute(sa.select(FORECAST).where(FORECAST.c.complex_id == complex_id))
    return {
        (row.kind, row.site_id): SavedForecast(
            row.first_delivery_start,
            p10_kw=tuple(row.p10_kw or row.p50_kw),
            p50_kw=tuple(row.p50_kw),
            p90_kw=tuple(row.p90_kw or row.p50_kw),
        )
        for row in rows
    }


def oldest_forecast(db: Connection, complex_id: str) -> tuple[int, datetime | None]:
    """Return how many sites of a complex have a forecast, and from when the oldest of them is."""
    count, oldest = db.execute(
        sa.select(sa.func.count(), sa.func.min(FORECAST.c.first_delivery_start)).where(
            FORECAST.c.complex_id == complex_id
        )
    ).one()
    return count, oldest


def save_ess_state(db: Connection, event: DeviceObserved) -> None:
    """Keep a battery's measured state, unless a newer one is known."""
    values = {
        "complex_id": event.complex_id,
        "device_id": event.device_id,
        "observed_at": event.observed_at,
        "soc_wh": event.soc_wh,
        "charge_w": event.import_w,
        "discharge_w": event.export_w,
    }
    upsert_rows(db, ESS_STATE, [values], newer="observed_at")


def load_ess_states(db: Connection, complex_id: str) -> dict[str, Measured]:
    """Return how each battery was last measured."""
    rows = db.execute(sa.select(ESS_STATE).where(ESS_STATE.c.complex_id == complex_id))
    return {
        row.device_id: Measured(row.observed_at, row.soc_wh / WH_PER_KWH, row.charge_w, row.discharge_w) for row in rows
    }


def save_peaks(db: Connection, interval_wh: Mapping[tuple[str, str, str], int]) -> None:
    """Keep the energy [Wh] of the highest billable intervals by complex, participant and month."""
    rows = [
        {"complex_id": complex_id, "participant_id": participant_id, "month": month, "interval_wh": wh}
        for (complex_id, participant_id, month), wh in interval_wh.items()
    ]
    upsert_rows(db, PEAK, rows, newer="interval_wh")


def load_peaks(db: Connection, complex_id: str) -> dict[str, dict[str, int]]:
    """Return the energy [Wh] of each factory's highest billable interval by month (YYYY-MM)."""
    peaks: dict[str, dict[str, int]] = {}
    for row in db.execute(sa.select(PEAK).where(PEAK.c.complex_id == complex_id)):
        peaks.setdefault(row.participant_id, {})[row.month] = row.interval_wh
    return peaks


def save_positions(db: Connection, event: AuctionCleared | DayAheadCleared) -> None:
    """Keep what each participant traded for an interval: the day before alone, until its own auction adds to it."""
    found: dict[str, list[int]] = {}
    agreed = event.trades
    if isinstance(event, AuctionCleared):
        agreed = event.day_ahead_trades
        for fill in event.fills:
            if fill.filled_wh:
                totals = found.setdefault(fill.participant_id, [0, 0])
                totals[fill.side is Side.SELL] += fill.filled_wh
    for trade in agreed:
        found.setdefault(trade.buyer_id, [0, 0])[0] += trade.quantity_wh
        found.setdefault(trade.seller_id, [0, 0])[1] += trade.quantity_wh
    rows = [
        {
            "complex_id": event.complex_id,
            "delivery_start": event.delivery_start,
            "participant_id": participant_id,
            "bought_wh": bought_wh,
            "sold_wh": sold_wh,
        }
        for participant_id, (bought_wh, sold_wh) in found.items()
    ]
    upsert_rows(db, POSITION, rows)


def load_positions(db: Connection, complex_id: str, delivery_start: datetime) -> dict[str, Position]:
    """Return what each participant traded for an interval."""
    rows = db.execute(
        sa.select(POSITION).where(POSITION.c.complex_id == complex_id, POSITION.c.delivery_start == delivery_start)
    )
    return {row.participant_id: Position(row.bought_wh, row.sold_wh) for row in rows}


def save_setpoints(db: Connection, events: Iterable[SetpointIssued]) -> None:
    """Keep what the converters were told."""
    rows = [
        {
            "complex_id": event.complex_id,
            "device_id": event.device_id,
            "delivery_start": event.delivery_start,
            "setpoint_w": event.setpoint_w,
        }
        for event in events
    ]
    upsert_rows(db, SETPOINT, rows)


def load_setpoints(db: Connection, complex_id: str, first: datetime, until: datetime) -> dict[str, dict[datetime, int]]:
    """Return what each converter was told [W] for the intervals from `first` on and before `until`."""
    rows = db.execute(
        sa.select(SETPOINT).where(
            SETPOINT.c.complex_id == complex_id,
            SETPOINT.c.delivery_start >= first,
            SETPOINT.c.delivery_start < until,
        )
    )
    told_w: dict[str, dict[datetime, int]] = {}
    for row in rows:
        told_w.setdefault(row.device_id, {})[row.delivery_start] = row.setpoint_w
    return told_w


def forget_setpoint(db: Connection, complex_id: str, device_id: str, delivery_start: datetime) -> None:
    """Drop a set-point that the converter did not take: it stays idle."""
    db.execute(
        sa.delete(SETPOINT).where(
            SETPOINT.c.complex_id == complex_id,
            SETPOINT.c.device_id == device_id,
            SETPOINT.c.delivery_start == delivery_start,
        )
    )


def mark_alarmed(db: Connection, complex_id: str, device_id: str, delivery_start: datetime) -> bool:
    """Remember that it was said that a converter does not follow a set-point; False where it was said before."""
    changed = db.execute(
        sa.update(SETPOINT)
        .where(
            SETPOINT.c.complex_id == complex_id,
            SETPOINT.c.device_id == device_id,
            SETPOINT.c.delivery_start == delivery_start,
            SETPOINT.c.alarmed.is_(False),
        )
        .values(alarmed=True)
    )
    return changed.rowcount > 0


def load_progress(db: Connection, complex_id: str) -> Progress:
    """Return how far a complex is."""
    row = db.execute(sa.select(PROGRESS).where(PROGRESS.c.complex_id == complex_id)).one_or_none()
    if row is None:
        return Progress()
    return Progress(row.cleared_through, row.dispatched_through, row.bid_through, is_halted=row.is_halted)


def save_progress(db: Connection, complex_id: str, **marks: datetime | bool) -> None:
    """Set some of a complex's progress marks."""
    upsert_rows(db, PROGRESS, [{"complex_id": complex_id, **marks}])


def save_rules(db: Connection, complex_id: str, rules: OrderRules) -> None:
    """Keep a version of the market calendar."""
    values = {
        "complex_id": complex_id,
        "version": rules.version,
        "effective_from": rules.calendar.effective_from,
        "calendar": CALENDAR_JSON.dump_python(rules.calendar, mode="json"),
    }
    upsert_rows(db, CALENDAR, [values])


def rules_at(db: Connection, complex_: Complex, instant: datetime) -> OrderRules:
    """Return the calendar that holds at an instant: the complex file's own until the market told of another."""
    return rules_in_force(complex_.market, calendar_at(db, CALENDAR, complex_.complex_id, instant))


def save_suspended(db: Connection, complex_id: str, participant_id: str) -> None:
    """Remember that a participant may not trade; a repeat changes nothing."""
    forget_suspended(db, complex_id, participant_id)
    db.execute(sa.insert(SUSPENDED).values(complex_id=complex_id, participant_id=participant_id))


def forget_suspended(db: Connection, complex_id: str, participant_id: str) -> None:
    """Let a participant trade again."""
    here = (SUSPENDED.c.complex_id == complex_id, SUSPENDED.c.participant_id == participant_id)
    db.execute(sa.delete(SUSPENDED).where(*here))


def load_suspended(db: Connection, complex_id: str) -> frozenset[str]:
    """Return the participants that may not trade."""
    return frozenset(db.scalars(sa.select(SUSPENDED.c.participant_id).where(SUSPENDED.c.complex_id == complex_id)))


def forget_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Drop positions, set-points, orders and needs of intervals long over."""
    for table in (POSITION, SETPOINT, ORDER, NEED):
        db.execute(sa.delete(table).where(table.c.complex_id == complex_id, table.c.delivery_start < instant))

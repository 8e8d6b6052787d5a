"""A complex's trading day at a glance, as one caller may see it: what the live stream begins with."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection

from services.trading_api.api.parts import Parts
from services.trading_api.domain.access import SCOPES, Principal, Scope
from services.trading_api.domain.devices import devices_shown
from services.trading_api.domain.participants import member_view, suspension_view
from services.trading_api.domain.savings import saving_view
from services.trading_api.domain.views import (
    accuracy_view,
    auction_view,
    day_ahead_view,
    instant_text,
    order_view,
    plan_view,
    setpoint_view,
)
from services.trading_api.store import day as days
from services.trading_api.store import lists
from services.trading_api.store.batteries import Span
from services.trading_api.store.logs import stream_bounds
from services.trading_api.store.market_rules import rules_at, suspensions
from services.trading_api.store.paging import page
from services.trading_api.store.savings import savings
from services.trading_api.store.sql import rows_of
from shared.complex.model import Complex
from shared.intervals import DAY, INTERVAL, day_start, trading_day_of
from shared.units import krw_text, kwh_text

ORDERS_SHOWN = 120
SETPOINTS_SHOWN = 24


def overview(db: Connection, parts: Parts, principal: Principal, day: date | None) -> dict[str, Any]:
    """Return the state of a Korean day; without one, of the day of the newest interval that is over.

    What the caller has no scope for is empty. A day that was asked for has the orders of its own deliveries; without
    one they are the newest of all.
    """
    complex_id, seen_by = principal.complex_id, principal.participant_id
    now = parts.clock.shown()
    shown = day or trading_day_of(now - INTERVAL)
    first, end = day_start(shown), day_start(shown) + DAY
    state = lists.market_state(db, complex_id)
    delivered = None if day is None else (first, end)
    batteries = {ess.device_id for one in parts.complex_of(principal).participants for ess in one.ess}
    setpoints = lists.newest_setpoints(db, complex_id, limit=SETPOINTS_SHOWN)
    show = devices_shown(parts.complex_of(principal), now=now, speed=parts.clock.speed)
    return {
        "sequence": stream_bounds(db, complex_id)[1],
        "clock": {"now": instant_text(now), "speed": parts.clock.speed},
        "caller": {
            "role": principal.role,
            "name": principal.name,
            "participant_id": seen_by,
            "scopes": sorted(SCOPES[principal.role]),
        },
        "complex": complex_view(parts.complex_of(principal), seen_by=seen_by),
        "day": shown.isoformat(),
        "gate_closure_lead_s": _gate_closure_lead_s(db, parts.complex_of(principal), now),
        "market": {"halted": bool(state and state["halted"]), "reason": state["reason"] if state else ""},
        **_dealings(db, principal, delivered),
        **_accounts(db, parts, principal, shown),
        "auctions": [auction_view(row) for row in lists.auctions_between(db, complex_id, first, end)],
        "day_ahead": [day_ahead_view(row) for row in lists.day_ahead_between(db, complex_id, first, end)],
        "energy": [_energy(row) for row in days.energy_by_interval(db, complex_id, first, end, seen_by=seen_by)],
        "devices": [show(row) for row in rows_of(db, lists.device_list(complex_id, seen_by=seen_by).query)],
        "schedules": [plan_view(row) for row in rows_of(db, lists.schedule_list(complex_id, seen_by=seen_by).query)],
        "accuracy": [
            accuracy_view(row)
            for row in rows_of(db, lists.accuracy_list(complex_id, seen_by=seen_by).query)
            if not row["site_id"]
        ],
        "setpoints": [
            setpoint_view(row)
            for row in setpoints
            if row["device_id"] in batteries and seen_by in {None, row["participant_id"]}
        ],
    }


def _dealings(db: Connection, principal: Principal, delivered: tuple[datetime, datetime] | None) -> dict[str, Any]:
    if not principal.may(Scope.ORDERS_READ):
        return {"orders": [], "suspensions": []}
    complex_id, seen_by = principal.complex_id, principal.participant_id
    listing = lists.order_list(complex_id, seen_by=seen_by, client_order_id=None, delivered=delivered)
    stopped = suspensions(db, complex_id).items()
    return {
        "orders": [order_view(row) for row in page(db, listing, limit=ORDERS_SHOWN, cursor=None).rows],
        "suspensions": [suspension_view(row) for stopped_id, row in stopped if seen_by in {None, stopped_id}],
    }


def _accounts(db: Connection, parts: Parts, principal: Principal, shown: date) -> dict[str, Any]:
    if not principal.may(Scope.ACCOUNTS_READ):
        return {"settled": [], "ledger": None, "saving": None}
    complex_id, seen_by = principal.complex_id, principal.participant_id
    span = Span(complex_id, day_start(shown), day_start(shown) + DAY)
    settled = days.settled_by_interval(db, complex_id, span.first, span.end, seen_by=seen_by)
    ledger = lists.ledger_between(db, complex_id, span.first, span.end) if seen_by is None else None
    found = savings(db, span, parts.complex_of(principal), seen_by=seen_by)
    return {
        "settled": [_settled(row) for row in settled],
        "ledger": ledger and {"ledger_entries": int(ledger["entries"]), "ledger_sum_krw": int(ledger["sum_krw"])},
        "saving": saving_view(shown.isoformat(), found.values()),
    }


def _gate_closure_lead_s(db: Connection, one: Complex, now: datetime) -> int:
    """Return how long before delivery a gate closes by the calendar that is in force."""
    return rules_at(db, one, now).calendar.gate_closure_lead_s


def complex_view(one: Complex, *, seen_by: str | None) -> dict[str, Any]:
    """Show a complex to staff (`seen_by` None), or to a participant, who sees no other one's contract or devices."""
    seen = [member for member in one.participants if seen_by in {None, member.participant_id}]
    return {
        "complex_id": one.complex_id,
        "name": one.name.model_dump(),
        "note": one.note.model_dump(),
        "market": {
            "gate_closure_lead_minutes": one.market.gate_closure_lead_minutes,
            "price_krw_per_kwh_min": krw_text(one.market.price_jeon_per_kwh_min),
            "price_krw_per_kwh_max": krw_text(one.market.price_jeon_per_kwh_max),
            "order_quantity_kwh_max": kwh_text(one.market.order_quantity_wh_max),
        },
        "feeders": [feeder.model_dump(mode="json") for feeder in one.feeders],
        "participants": [member_view(member) for member in seen],
    }


def _settled(row: Any) -> dict[str, Any]:
    return {
        "delivery_start": instant_text(row["delivery_start"]),
        "grid_import_price_krw_per_kwh_min": krw_text(row["grid_import_price_jeon_per_kwh_min"]),
        "grid_import_price_krw_per_kwh_max": krw_text(row["grid_import_price_jeon_per_kwh_max"]),
        "grid_export_price_krw_per_kwh": krw_text(row["grid_export_price_jeon_per_kwh"]),
        "cost_with_krw": int(row["cost_with_krw"]),
        "cost_without_krw": int(row["cost_without_krw"]),
    }


def _energy(row: Any) -> dict[str, Any]:
    return {
        "delivery_start": instant_text(row["delivery_start"]),
        "meter_kind": row["meter_kind"],
        "import_kwh": kwh_text(int(row["import_wh"])),
        "export_kwh": kwh_text(int(row["export_wh"])),
    }

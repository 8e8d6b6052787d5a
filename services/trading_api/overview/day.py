"""A complex's trading day at a glance, as one caller may see it: what the live stream begins with."""

from datetime import date, datetime

from sqlalchemy.engine import Connection

from services.trading_api.batteries import queries as batteries_queries
from services.trading_api.batteries.views import plan_view, setpoint_view
from services.trading_api.bidding.queries import biddings
from services.trading_api.bidding.views import bidding_view
from services.trading_api.billing import queries as billing_queries
from services.trading_api.db.paging import page
from services.trading_api.db.spans import Span
from services.trading_api.db.sql import rows_of
from services.trading_api.forecasts import queries as forecasts_queries
from services.trading_api.forecasts.views import accuracy_view
from services.trading_api.http.state import AppState
from services.trading_api.log.stream import stream_bounds
from services.trading_api.market import queries as market_queries
from services.trading_api.market.views import auction_view, day_ahead_view, suspension_view
from services.trading_api.metering import queries as metering_queries
from services.trading_api.metering.devices import devices_shown
from services.trading_api.orders import queries as orders_queries
from services.trading_api.orders.views import order_view
from services.trading_api.overview.complex import complex_view
from services.trading_api.roles import SCOPES, Principal, Scope
from services.trading_api.rules.queries import rules_at, suspensions
from services.trading_api.savings.queries import savings
from services.trading_api.savings.views import saving_view
from services.trading_api.text import JsonObject, Row, instant_text
from shared.intervals import DAY, INTERVAL, day_start, trading_day_of
from shared.units import krw_text, kwh_text

ORDERS_SHOWN = 120
SETPOINTS_SHOWN = 24


def overview(db: Connection, state: AppState, principal: Principal, day: date | None) -> JsonObject:
    """Return the state of a Korean day; without one, of the day of the newest interval that is over.

    What the caller has no scope for is empty. A day that was asked for has the orders of its own deliveries; without
    one they are the newest of all.
    """
    complex_id, seen_by = principal.complex_id, principal.participant_id
    now = state.clock.shown()
    shown = day or trading_day_of(now - INTERVAL)
    first, end = day_start(shown), day_start(shown) + DAY
    halt = market_queries.market_state(db, complex_id)
    delivered = None if day is None else (first, end)
    batteries = {ess.device_id for one in state.complex_of(principal).participants for ess in one.ess}
    setpoints = batteries_queries.newest_setpoints(db, complex_id, limit=SETPOINTS_SHOWN)
    show = devices_shown(state.complex_of(principal), now=now, speed=state.clock.speed)
    return {
        "sequence": stream_bounds(db, complex_id)[1],
        "clock": {"now": instant_text(now), "speed": state.clock.speed, "is_simulated": state.clock.is_simulated},
        "caller": {
            "role": principal.role,
            "name": principal.name,
            "participant_id": seen_by,
            "scopes": sorted(SCOPES[principal.role]),
        },
        "complex": complex_view(state.complex_of(principal), seen_by=seen_by),
        "day": shown.isoformat(),
        "gate_closure_lead_s": rules_at(db, state.complex_of(principal), now).calendar.gate_closure_lead_s,
        "market": {"halted": bool(halt and halt["halted"]), "reason": halt["reason"] if halt else ""},
        **_dealings(db, state, principal, delivered),
        **_accounts(db, state, principal, shown),
        "auctions": [auction_view(row) for row in market_queries.auctions_between(db, complex_id, first, end)],
        "day_ahead": [day_ahead_view(row) for row in market_queries.day_ahead_between(db, complex_id, first, end)],
        "energy": [
            _energy(row) for row in metering_queries.energy_by_interval(db, complex_id, first, end, seen_by=seen_by)
        ],
        "devices": [show(row) for row in rows_of(db, metering_queries.device_list(complex_id, seen_by=seen_by).query)],
        "schedules": [
            plan_view(row) for row in rows_of(db, batteries_queries.schedule_list(complex_id, seen_by=seen_by).query)
        ],
        "accuracy": [
            accuracy_view(row)
            for row in rows_of(db, forecasts_queries.accuracy_list(complex_id, seen_by=seen_by).query)
            # A factory's own beside all together; staff would have to read a line a site.
            if seen_by is not None or not row["site_id"]
        ],
        "setpoints": [
            setpoint_view(row)
            for row in setpoints
            if row["device_id"] in batteries and seen_by in {None, row["participant_id"]}
        ],
    }


def _dealings(
    db: Connection, state: AppState, principal: Principal, delivered: tuple[datetime, datetime] | None
) -> JsonObject:
    if not principal.may(Scope.ORDERS_READ):
        return {"orders": [], "suspensions": [], "biddings": []}
    complex_id, seen_by, now = principal.complex_id, principal.participant_id, state.clock.shown()
    listing = orders_queries.order_list(complex_id, seen_by=seen_by, client_order_id=None, delivered=delivered)
    stopped = suspensions(db, complex_id).items()
    return {
        "orders": [order_view(row) for row in page(db, listing, limit=ORDERS_SHOWN, cursor=None).rows],
        "biddings": [bidding_view(one, now) for one in biddings(db, state.complex_of(principal), now, seen_by=seen_by)],
        "suspensions": [suspension_view(row) for stopped_id, row in stopped if seen_by in {None, stopped_id}],
    }


def _accounts(db: Connection, state: AppState, principal: Principal, shown: date) -> JsonObject:
    if not principal.may(Scope.ACCOUNTS_READ):
        return {"settled": [], "ledger": None, "saving": None}
    complex_id, seen_by = principal.complex_id, principal.participant_id
    span = Span(complex_id, day_start(shown), day_start(shown) + DAY)
    settled = billing_queries.settled_by_interval(db, complex_id, span.first, span.end, seen_by=seen_by)
    ledger = billing_queries.ledger_between(db, complex_id, span.first, span.end) if seen_by is None else None
    saved = savings(db, span, state.complex_of(principal), seen_by=seen_by)
    return {
        "settled": [_settled(row) for row in settled],
        "ledger": ledger and {"ledger_entries": int(ledger["entries"]), "ledger_sum_krw": int(ledger["sum_krw"])},
        "saving": saving_view(shown.isoformat(), saved.values()),
    }


def _settled(row: Row) -> JsonObject:
    return {
        "delivery_start": instant_text(row["delivery_start"]),
        "grid_import_price_krw_per_kwh_min": krw_text(row["grid_import_price_jeon_per_kwh_min"]),
        "grid_import_price_krw_per_kwh_max": krw_text(row["grid_import_price_jeon_per_kwh_max"]),
        "grid_export_price_krw_per_kwh": krw_text(row["grid_export_price_jeon_per_kwh"]),
        "cost_with_krw": int(row["cost_with_krw"]),
        "cost_without_krw": int(row["cost_without_krw"]),
    }


def _energy(row: Row) -> JsonObject:
    return {
        "delivery_start": instant_text(row["delivery_start"]),
        "meter_kind": row["meter_kind"],
        "import_kwh": kwh_text(int(row["import_wh"])),
        "export_kwh": kwh_text(int(row["export_wh"])),
    }

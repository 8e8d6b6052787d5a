"""What operators and planners may do and see."""

import secrets
from typing import Any

from fastapi import APIRouter, Response
from typing_extensions import TypedDict

from services.trading_api.api.guard import guarded, hash_of
from services.trading_api.api.parts import Caller, Parts, PartsHere
from services.trading_api.api.problems import FieldError, Problem
from services.trading_api.api.reads import Cursor, Limit, paged
from services.trading_api.api.schemas import Asked, Day, HaltIn, KeyIn, PageOut, RevokedTokenIn, StudyIn
from services.trading_api.domain.access import Principal, Role, Scope
from services.trading_api.domain.savings import saving_view
from services.trading_api.domain.shapes import (
    AuditView,
    KeyView,
    RevokedTokenView,
    StudyResultView,
    StudyView,
    WhyView,
)
from services.trading_api.domain.views import audit_view, instant_text, key_view, revoked_token_view, study_view
from services.trading_api.handlers import commands
from services.trading_api.store import lists
from services.trading_api.store.batteries import Span
from services.trading_api.store.report import batteries_measured, day_counts, interval_counts
from services.trading_api.store.savings import savings
from shared.clock import wall_now
from shared.db.engine import reading
from shared.intervals import DAY, day_start
from shared.units import krw_text, kwh_text, round_half_up

operating = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
planning = APIRouter(prefix="/api/v1/studies", route_class=guarded(Scope.STUDIES_RUN), tags=["studies"])


@operating.post("/market/halt", status_code=202)
def halt_market(wanted: HaltIn, parts: PartsHere, caller: Caller) -> Asked:
    """Ask the market to take no orders and to trade nothing until it is resumed."""
    with parts.engine.begin() as db:
        deeds = parts.market_deeds(db, caller)
        commands.halt(deeds, wanted.reason)
    return Asked(requested_at=instant_text(deeds.now))


@operating.post("/market/resume", status_code=202)
def resume_market(parts: PartsHere, caller: Caller) -> Asked:
    """Ask the market to go on."""
    with parts.engine.begin() as db:
        deeds = parts.market_deeds(db, caller)
        commands.resume(deeds)
    return Asked(requested_at=instant_text(deeds.now))


@operating.get("/audit")
def get_audit(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AuditView]:
    """List the audit chain, the newest link first."""
    return paged(parts, lists.audit_list(caller.complex_id), audit_view, limit=limit, cursor=cursor)


class NewKeyView(KeyView):
    """A new API key with its secret, which is shown this once."""

    key: str


@operating.post("/api-keys", status_code=201)
def post_key(wanted: KeyIn, response: Response, parts: PartsHere, caller: Caller) -> NewKeyView:
    """Make an API key of 256 random bits."""
    _require_fitting(wanted, parts, caller)
    secret = secrets.token_urlsafe(32)
    new = commands.NewKey(
        key_hash=hash_of(secret), role=wanted.role, participant_id=wanted.participant_id, name=wanted.name
    )
    with parts.engine.begin() as db:
        row = commands.create_key(commands.Deeds(db, caller, parts.clock.now()), new)
    response.headers["Cache-Control"] = "no-store"
    return NewKeyView(**key_view(row), key=secret)


def _require_fitting(wanted: KeyIn, parts: Parts, caller: Principal) -> None:
    members = parts.complex_of(caller).by_participant
    if wanted.role is Role.FACTORY and wanted.participant_id not in members:
        rule = "must name a participant of the complex"
    elif wanted.role is not Role.FACTORY and wanted.participant_id is not None:
        rule = "belongs to the role factory only"
    else:
        return
    raise Problem("invalid_request", errors=[FieldError("participant_id", rule, None, str(wanted.participant_id))])


@operating.get("/api-keys")
def get_keys(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[KeyView]:
    """List the complex's API keys, without their secrets."""
    return paged(parts, lists.key_list(caller.complex_id), key_view, limit=limit, cursor=cursor)


@operating.delete("/api-keys/{key_id}")
def delete_key(key_id: str, parts: PartsHere, caller: Caller) -> KeyView:
    """Revoke an API key: from now on it is as good as unknown."""
    with parts.engine.begin() as db:
        row = commands.revoke_key(commands.Deeds(db, caller, parts.clock.now()), key_id)
    if row is None:
        raise Problem("not_found")
    return key_view(row)


@operating.post("/revoked-tokens", status_code=201)
def post_revoked_token(wanted: RevokedTokenIn, parts: PartsHere, caller: Caller) -> RevokedTokenView:
    """Revoke a token of the identity provider: from now on it is as good as unknown."""
    with parts.engine.begin() as db:
        deeds = commands.Deeds(db, caller, parts.clock.now())
        row = commands.revoke_token(deeds, wanted.jti, wall=wall_now())
    return revoked_token_view(row)


class Report(TypedDict):
    """A Korean day in numbers, counted by delivery; for `saving_krw` and its parts see docs/savings.md."""

    day: str
    factories: int
    intervals: int
    readings: int
    forecasts: int
    schedules: int
    setpoints_confirmed: int
    orders: int
    auctions_cleared: int
    trades: int
    traded_kwh: str
    average_price_krw_per_kwh: str | None
    ledger_entries: int
    ledger_sum_krw: int
    cost_without_krw: int
    cost_with_krw: int
    stored_value_krw: int
    battery_shift_krw: int
    trading_gain_krw: int
    saving_krw: int
    saving_basis: WhyView
    battery_shift_basis: WhyView
    trading_gain_basis: WhyView
    intervals_settled: int
    statements: int
    late_events: int
    dead_letters: int


@operating.get("/report")
def get_report(day: Day, parts: PartsHere, caller: Caller) -> Report:
    """Return a trading day in numbers."""
    with reading(parts.engine) as db:
        counts = day_counts(db, caller.complex_id, day)
        span = Span(caller.complex_id, day_start(day), day_start(day) + DAY)
        saved = saving_view(day.isoformat(), savings(db, span, parts.complex_of(caller)).values())
    traded_wh = counts["traded_wh"]
    average = round_half_up(counts["traded_jeon_wh_per_kwh"], traded_wh) if traded_wh else None
    return {
        "day": day.isoformat(),
        "factories": len(parts.complex_of(caller).participants),
        "intervals": counts["intervals"],
        "readings": counts["readings"],
        "forecasts": counts["forecasts"],
        "schedules": counts["schedules"],
        "setpoints_confirmed": counts["setpoints_confirmed"],
        "orders": counts["orders"],
        "auctions_cleared": counts["auctions_cleared"],
        "trades": counts["trades"],
        "traded_kwh": kwh_text(traded_wh),
        "average_price_krw_per_kwh": None if average is None else krw_text(average),
        "ledger_entries": counts["ledger_entries"],
        "ledger_sum_krw": counts["ledger_sum_krw"],
        "cost_without_krw": saved["baseline_krw"],
        "cost_with_krw": saved["cost_krw"],
        "stored_value_krw": saved["stored_value_krw"],
        "battery_shift_krw": saved["battery_shift_krw"],
        "trading_gain_krw": saved["trading_gain_krw"],
        "saving_krw": saved["saving_krw"],
        "saving_basis": saved["basis"],
        "battery_shift_basis": saved["battery_shift_basis"],
        "trading_gain_basis": saved["trading_gain_basis"],
        "intervals_settled": counts["intervals_settled"],
        "statements": counts["statements"],
        "late_events": counts["late_events"],
        "dead_letters": counts["dead_letters"],
    }


class IntervalProgress(TypedDict):
    """What has been heard of a delivery interval so far, counted."""

    delivery_start: str
    forecasts: int
    schedules: int
    setpoints_confirmed: int
    setpoints_refused: int
    auctions: int
    settled: int


class DayProgress(TypedDict):
    """How far a Korean day and each interval of it are."""

    day: str
    statements: int
    batteries_measured: int
    items: list[IntervalProgress]


@operating.get("/report/intervals")
def get_report_intervals(day: Day, parts: PartsHere, caller: Caller) -> DayProgress:
    """Return how far each interval of a trading day is."""
    with reading(parts.engine) as db:
        counted, statements = interval_counts(db, caller.complex_id, day)
        measured = batteries_measured(db, caller.complex_id)
    items: list[IntervalProgress] = [
        {
            "delivery_start": instant_text(one["delivery_start"]),
            "forecasts": one["forecasts"],
            "schedules": one["schedules"],
            "setpoints_confirmed": one["setpoints_confirmed"],
            "setpoints_refused": one["setpoints_refused"],
            "auctions": one["auctions"],
            "settled": one["settled"],
        }
        for one in counted
    ]
    return {"day": day.isoformat(), "statements": statements, "batteries_measured": measured, "items": items}


@planning.post("", status_code=202)
def post_study(wanted: StudyIn, response: Response, parts: PartsHere, caller: Caller) -> StudyView:
    """Ask for a what-if study of a day."""
    with parts.engine.begin() as db:
        row = commands.request_study(commands.Deeds(db, caller, parts.clock.now()), wanted.model_dump())
    response.headers["Location"] = f"/api/v1/studies/{row['study_id']}"
    return study_view(row)


@planning.get("/{study_id}")
def get_study(study_id: str, parts: PartsHere, caller: Caller) -> StudyView:
    """Return how far a study is."""
    return study_view(_study(parts, caller, study_id))


@planning.get("/{study_id}/results")
def get_study_results(study_id: str, parts: PartsHere, caller: Caller) -> PageOut[StudyResultView]:
    """Return a completed study's scenarios, in the order asked."""
    row = _study(parts, caller, study_id)
    if row["results"] is None:
        raise Problem("study_unfinished", study_status=row["status"])
    # What an earlier version kept knows of no feeder.
    items: list[Any] = [{"feeder_limits_broken": [], **one} for one in row["results"]]
    return PageOut[StudyResultView](items=items, next_cursor=None)


@planning.delete("/{study_id}", status_code=202)
def delete_study(study_id: str, parts: PartsHere, caller: Caller) -> StudyView:
    """Tell the planner that a study is no longer wanted."""
    with parts.engine.begin() as db:
        row = commands.cancel_study(commands.Deeds(db, caller, parts.clock.now()), study_id)
    if row is None:
        raise Problem("not_found")
    return study_view(row)


def _study(parts: Parts, caller: Principal, study_id: str) -> Any:
    with reading(parts.engine) as db:
        row = lists.study(db, caller.complex_id, study_id)
    if row is None:
        raise Problem("not_found")
    return row

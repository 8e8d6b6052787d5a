"""What a factory states of its consumption to come."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.db.outbox import emit
from services.trading_api.forecasts import queries
from services.trading_api.forecasts.schemas import LoadPlanIn
from shared.events.base import named_id
from shared.events.commands import LoadPlanStated
from shared.events.records import LoadPlan


def state_plan(db: Connection, owner: tuple[str, str], plan_id: str, wanted: LoadPlanIn, now: datetime) -> LoadPlan:
    """Keep a plan and publish it; what is stated already is not stated again. The owner is complex and participant."""
    complex_id, participant_id = owner
    known = queries.load_plan(db, complex_id, participant_id, plan_id)
    version = 1 if known is None else known.version + 1
    plan = wanted.plan(participant_id, plan_id, version=version, stated_at=now)
    if known is not None and replace(plan, version=known.version, stated_at=known.stated_at) == known:
        return known
    _publish(db, complex_id, plan)
    return plan


def withdraw_plan(db: Connection, owner: tuple[str, str], plan_id: str, now: datetime) -> LoadPlan | None:
    """Withdraw a plan and publish that; None where there is none. What is withdrawn stays so."""
    complex_id, participant_id = owner
    known = queries.load_plan(db, complex_id, participant_id, plan_id)
    if known is None or known.is_withdrawn:
        return known
    withdrawn = replace(known, version=known.version + 1, stated_at=now, is_withdrawn=True)
    _publish(db, complex_id, withdrawn)
    return withdrawn


def _publish(db: Connection, complex_id: str, plan: LoadPlan) -> None:
    queries.save_load_plan(db, complex_id, plan)
    event = LoadPlanStated(complex_id=complex_id, plan=plan)
    event_id = named_id("load_plan", complex_id, plan.participant_id, plan.plan_id, plan.version)
    emit(db, event, event_id, now=plan.stated_at)

"""What factories stated of their consumption."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.forecast.store.tables import LOAD_PLANS
from shared.db.records import RecordColumns
from shared.events.records import LoadPlan

PLAN_RECORD = RecordColumns(LOAD_PLANS, LoadPlan, beside="complex_id")


def save_plan(db: Connection, complex_id: str, plan: LoadPlan) -> None:
    """Keep a version of a plan; the same version again changes nothing, as what was known stays what was known."""
    this = (
        LOAD_PLANS.c.complex_id == complex_id,
        LOAD_PLANS.c.participant_id == plan.participant_id,
        LOAD_PLANS.c.plan_id == plan.plan_id,
        LOAD_PLANS.c.version == plan.version,
    )
    if db.scalar(sa.select(LOAD_PLANS.c.version).where(*this)) is None:
        db.execute(sa.insert(LOAD_PLANS).values(PLAN_RECORD.row(plan, complex_id=complex_id)))


def load_plans(db: Connection, complex_id: str, since: datetime) -> dict[str, list[LoadPlan]]:
    """Return all versions of each factory's plans that reach beyond an instant, or of which a version did."""
    reaching = sa.select(LOAD_PLANS.c.participant_id, LOAD_PLANS.c.plan_id).where(
        LOAD_PLANS.c.complex_id == complex_id, LOAD_PLANS.c.end > since
    )
    identity = sa.tuple_(LOAD_PLANS.c.participant_id, LOAD_PLANS.c.plan_id)
    query = sa.select(*PLAN_RECORD.columns).where(LOAD_PLANS.c.complex_id == complex_id, identity.in_(reaching))
    found: dict[str, list[LoadPlan]] = {}
    for row in db.execute(query.order_by(LOAD_PLANS.c.participant_id, LOAD_PLANS.c.plan_id, LOAD_PLANS.c.version)):
        plan = PLAN_RECORD.record(row)
        found.setdefault(plan.participant_id, []).append(plan)
    return found


def drop_plans_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Forget plans that were over before an instant."""
    db.execute(sa.delete(LOAD_PLANS).where(LOAD_PLANS.c.complex_id == complex_id, LOAD_PLANS.c.end < instant))

"""Keep a version of the calendar as its event tells it: one form of a calendar in all services."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0006_market"
down_revision = "0005_market"
branch_labels = None
depends_on = None

CALENDAR = sa.table(
    "calendar",
    sa.column("complex_id", sa.Text),
    sa.column("version", sa.BigInteger),
    sa.column("effective_from", UtcInstant),
    sa.column("rules", sa.JSON),
)


def upgrade() -> None:
    _rewrite(_as_event)


def downgrade() -> None:
    _rewrite(_as_rules)


def _as_event(row: sa.Row[Any]) -> dict[str, Any]:
    calendar = {name: fact for name, fact in row.rules.items() if name != "version"}
    calendar["order_quantity_wh_max"] = calendar.pop("quantity_wh_max")
    return {"version": row.version, "calendar": {"effective_from": row.effective_from.isoformat(), **calendar}}


def _as_rules(row: sa.Row[Any]) -> dict[str, Any]:
    calendar = dict(row.rules["calendar"])
    del calendar["effective_from"]
    calendar["quantity_wh_max"] = calendar.pop("order_quantity_wh_max")
    return {"version": row.version, **calendar}


def _rewrite(changed: Callable[[sa.Row[Any]], dict[str, Any]]) -> None:
    db = op.get_bind()
    for row in db.execute(sa.select(CALENDAR)).all():
        same = (CALENDAR.c.complex_id == row.complex_id, CALENDAR.c.version == row.version)
        db.execute(sa.update(CALENDAR).where(*same).values(rules=changed(row)))

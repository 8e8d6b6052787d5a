"""What the planner keeps: metered days (`shared.metering.history`), requested studies, and the sites that are done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.planner.domain.scenarios import Outcome, Scenario
from shared.db.tables import UtcInstant, new_metadata
from shared.metering import history

METADATA = new_metadata()

history.add_table(METADATA)

STUDIES = sa.Table(
    "studies",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("study_id", sa.Text, primary_key=True),
    sa.Column("requested_at", UtcInstant, nullable=False),
    sa.Column("trading_day", sa.Date, nullable=False),
    sa.Column("scenarios", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Index("studies_by_status", "status", "requested_at"),
)

SITES_DONE = sa.Table(
    "sites_done",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("study_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("outcomes", sa.JSON, nullable=False),
)

OPEN, COMPLETED, FAILED, CANCELLED = "open", "completed", "failed", "cancelled"


@dataclass(frozen=True, slots=True)
class Study:
    """A study as it was asked for."""

    complex_id: str
    study_id: str
    requested_at: datetime
    trading_day: date
    scenarios: tuple[Scenario, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from every other study."""
        return self.complex_id, self.study_id


def is_known(db: Connection, complex_id: str, study_id: str) -> bool:
    """Say whether a study was asked for before."""
    return db.scalar(sa.select(STUDIES.c.status).where(_is(STUDIES, complex_id, study_id))) is not None


def add_study(db: Connection, study: Study, status: str) -> None:
    """Keep a new study."""
    scenarios = [[scenario.battery_scale, scenario.pv_scale, scenario.tariff_option] for scenario in study.scenarios]
    db.execute(
        sa.insert(STUDIES).values(
            complex_id=study.complex_id,
            study_id=study.study_id,
            requested_at=study.requested_at,
            trading_day=study.trading_day,
            scenarios=scenarios,
            status=status,
        )
    )


def oldest_open(db: Connection) -> Study | None:
    """Return the study that is to be worked on: the one asked for first."""
    row = db.execute(
        sa.select(STUDIES)
        .where(STUDIES.c.status == OPEN)
        .order_by(STUDIES.c.requested_at, STUDIES.c.complex_id, STUDIES.c.study_id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    scenarios = tuple(Scenario(*parts) for parts in row.scenarios)
    return Study(row.complex_id, row.study_id, row.requested_at, row.trading_day, scenarios)


def close_study(db: Connection, complex_id: str, study_id: str, status: str) -> bool:
    """End an open study and drop its parts; say whether it was open."""
    ended = db.execute(
        sa.update(STUDIES).where(_is(STUDIES, complex_id, study_id), STUDIES.c.status == OPEN).values(status=status)
    )
    db.execute(sa.delete(SITES_DONE).where(_is(SITES_DONE, complex_id, study_id)))
    return ended.rowcount == 1


def add_site(db: Connection, study: Study, participant_id: str, outcomes: Sequence[Outcome]) -> None:
    """Keep one site's outcomes, a scenario each."""
    of_site = sa.and_(_is(SITES_DONE, study.complex_id, study.study_id), SITES_DONE.c.participant_id == participant_id)
    db.execute(sa.delete(SITES_DONE).where(of_site))
    db.execute(
        sa.insert(SITES_DONE).values(
            complex_id=study.complex_id,
            study_id=study.study_id,
            participant_id=participant_id,
            outcomes=[[outcome.cost_krw, outcome.import_wh, outcome.export_wh] for outcome in outcomes],
        )
    )


def sites_done(db: Connection, study: Study) -> Mapping[str, tuple[Outcome, ...]]:
    """Return the outcomes of the sites that are done, by participant; those without intervals are to be done again."""
    rows = db.execute(
        sa.select(SITES_DONE.c.participant_id, SITES_DONE.c.outcomes).where(
            _is(SITES_DONE, study.complex_id, study.study_id)
        )
    )
    return {
        participant_id: tuple(Outcome(cost_krw, tuple(taken), tuple(given)) for cost_krw, taken, given in outcomes)
        for participant_id, outcomes in rows
        if all(isinstance(taken, list) for _, taken, _ in outcomes)
    }


def _is(table: sa.Table, complex_id: str, study_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.complex_id == complex_id, table.c.study_id == study_id)

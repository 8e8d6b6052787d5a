"""What-if studies."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.db.sql import of_complex, storable
from services.trading_api.studies.tables import STUDY
from services.trading_api.text import Row


def study(db: Connection, complex_id: str, study_id: str) -> RowMapping | None:
    """Return one study, or None."""
    return db.execute(of_complex(STUDY, complex_id).where(STUDY.c.study_id == study_id)).mappings().one_or_none()


def save_study(db: Connection, row: Row) -> None:
    """Keep a new study."""
    db.execute(sa.insert(STUDY).values(**row))


def change_study(db: Connection, complex_id: str, study_id: str, **changed: object) -> None:
    """Change columns of a study."""
    here = (STUDY.c.complex_id == complex_id) & (STUDY.c.study_id == study_id)
    db.execute(sa.update(STUDY).where(here).values(**storable(changed)))

"""Weather as it was known when."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.forecast.store.tables import WEATHER


def save_weather(
    db: Connection,
    complex_id: str,
    fetched_at: datetime,
    frame: pd.DataFrame,
    used: Sequence[str],
    passed_over: Sequence[tuple[str, str]],
) -> None:
    """Keep what was known of the weather at an instant, whose it is, and why the others do not serve."""
    spans = (frame[name].dt.to_pydatetime() for name in ("valid_start", "valid_end", "available_at"))
    seconds = ([one.timestamp() for one in column] for column in spans)
    rows = list(zip(*seconds, frame["variable"].tolist(), frame["value"].tolist(), strict=True))
    identity = {"complex_id": complex_id, "fetched_at": fetched_at}
    db.execute(sa.delete(WEATHER).where(WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at == fetched_at))
    facts = {"used": list(used), "passed_over": [list(one) for one in passed_over], "rows": rows}
    db.execute(sa.insert(WEATHER).values(**identity, **facts))


def load_weather(
    db: Connection, complex_id: str, *, after: datetime, until: datetime, without: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]] | None:
    """Return the newest weather that was fetched in (after, until], and whose it is; None where there is none.

    Answers that have no source but those of `without` do not count.
    """
    query = sa.select(WEATHER.c.fetched_at, WEATHER.c.used).where(
        WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at > after, WEATHER.c.fetched_at <= until
    )
    for found in db.execute(query.order_by(WEATHER.c.fetched_at.desc())).all():
        if set(found.used) <= set(without):
            continue
        this = (WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at == found.fetched_at)
        rows = db.execute(sa.select(WEATHER.c.rows).where(*this)).scalar_one()
        frame = pd.DataFrame(rows, columns=["valid_start", "valid_end", "available_at", "variable", "value"])
        for name in ("valid_start", "valid_end", "available_at"):
            frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
        return frame, tuple(found.used)
    return None


def drop_weather_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Forget weather that no forecast will look at again."""
    db.execute(sa.delete(WEATHER).where(WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at < instant))

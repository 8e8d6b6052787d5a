"""What the read model keeps for a time only. Orders, trades, what was settled and the audit chain stay."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from services.trading_api.batteries.tables import SCHEDULE, SETPOINT, SOC
from services.trading_api.db.pruning import Kept
from services.trading_api.forecasts.tables import FORECAST, LOAD_PLAN
from services.trading_api.market.tables import DEED
from services.trading_api.metering.tables import IGNORED_READING, READING
from services.trading_api.operation.tables import DEAD_LETTER
from shared.events.deadletters import UNKNOWN_COMPLEX


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long rows are kept.

    Args:
        facts: Of readings, states of charge, set-points, ignored readings, dead letters, deeds, plans that are over.
        curves: Of forecasts and plans, whose rows are the longest.
    """

    facts: timedelta = timedelta(days=400)
    curves: timedelta = timedelta(days=45)


def kept_rows(complex_id: str, keep: Keep) -> Iterator[Kept]:
    """Yield for how long the rows of each table are kept."""
    for table in (READING, SOC, SETPOINT, IGNORED_READING):
        yield Kept(table.c.delivery_start, complex_id, keep.facts)
    for table in (FORECAST, SCHEDULE):
        yield Kept(table.c.first_delivery_start, complex_id, keep.curves)
    yield Kept(LOAD_PLAN.c.end, complex_id, keep.facts)
    yield Kept(DEED.c.requested_at, complex_id, keep.facts)
    for owner in (complex_id, UNKNOWN_COMPLEX):
        yield Kept(DEAD_LETTER.c.set_aside_at, owner, keep.facts)

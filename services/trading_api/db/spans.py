"""A range of deliveries of one complex."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from services.trading_api.db.sql import Query


@dataclass(frozen=True, slots=True)
class Span:
    """The deliveries of a complex in [first, end)."""

    complex_id: str
    first: datetime
    end: datetime

    def rows(self, table: sa.Table, by: str, first: datetime | None = None) -> Query:
        """Select a table's rows in the span, from another instant on where one is given."""
        start = table.c[by]
        here = (table.c.complex_id == self.complex_id, start >= (first or self.first), start < self.end)
        return sa.select(table).where(*here).order_by(start)

"""An order writer's half of the promise that no order stamped before gate closure is left out of its auction.

Stamping an order and sealing an auction take the same row's lock, so they can't overlap: once a seal is written, no
order with an earlier stamp follows it in the writer's topic. The market clears when every writer's seal is in.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from shared.db.tables import UtcInstant
from shared.events.orders import OrdersSealed
from shared.intervals import INTERVAL, interval_of

# The writers of every complex: automatic bids come from the scheduler, all others through the trading API.
WRITERS = ("scheduler", "trading_api")
# What operators ask of the market travels among this writer's orders.
OPERATORS_WRITER = "trading_api"


def add_tables(metadata: sa.MetaData) -> sa.Table:
    """Add the writer's table to a service's schema."""
    return sa.Table(
        "order_writer",
        metadata,
        sa.Column("complex_id", sa.Text, primary_key=True),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("sealed_through", UtcInstant),
    )


WRITER = add_tables(sa.MetaData())


def next_sequence(db: Connection, complex_id: str) -> int:
    """Take the next number of this writer for a complex, and with it the lock that keeps seals out."""
    _require_row(db, complex_id)
    advance = sa.update(WRITER).where(WRITER.c.complex_id == complex_id)
    taken = db.execute(advance.values(last_sequence=WRITER.c.last_sequence + 1).returning(WRITER.c.last_sequence))
    return int(taken.scalar_one())


def gate_is_open(db: Connection, complex_id: str, *, delivery_start: datetime, lead: timedelta, now: datetime) -> bool:
    """Say whether an order stamped `now` still belongs to an interval's auction; ask after `next_sequence`."""
    sealed = db.scalar(sa.select(WRITER.c.sealed_through).where(WRITER.c.complex_id == complex_id))
    return now < delivery_start - lead and (sealed is None or sealed < delivery_start)


def seal_due(db: Connection, complex_id: str, *, writer: str, lead: timedelta, now: datetime) -> list[OrdersSealed]:
    """Seal the newest interval whose gate has closed, if it is not sealed yet; it covers all before it."""
    newest = interval_of(now + lead)
    sealed = db.scalar(sa.select(WRITER.c.sealed_through).where(WRITER.c.complex_id == complex_id))
    if sealed is not None and sealed >= newest:
        return []
    _require_row(db, complex_id)
    last_sequence = db.execute(
        sa.update(WRITER)
        .where(WRITER.c.complex_id == complex_id)
        .values(sealed_through=newest)
        .returning(WRITER.c.last_sequence)
    ).scalar_one()
    # After a pause each missed interval gets its own seal, so that the log shows every gate.
    first = newest if sealed is None else sealed + INTERVAL
    missed = range((newest - first) // INTERVAL + 1)
    return [
        OrdersSealed(
            complex_id=complex_id,
            writer=writer,
            delivery_start=first + n * INTERVAL,
            sealed_at=now,
            last_sequence=last_sequence,
        )
        for n in missed
    ]


def _require_row(db: Connection, complex_id: str) -> None:
    found = db.scalar(sa.select(WRITER.c.complex_id).where(WRITER.c.complex_id == complex_id))
    if found is None:
        # Two threads may both see that there is none; the later one then waits for the row of the other.
        dialect = postgresql if db.dialect.name == "postgresql" else sqlite
        row = dialect.insert(WRITER).values(complex_id=complex_id, last_sequence=0, sealed_through=None)
        db.execute(row.on_conflict_do_nothing())

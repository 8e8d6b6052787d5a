"""An order writer's half of the promise that no order stamped before gate closure is left out of its auction.

Stamping an order and sealing an auction take the same row's lock, so they can't overlap: once a seal is written, no
order with an earlier stamp follows it in the writer's topic. The market clears when every writer's seal is in.

The row keeps the last stamp as well. Where the clock went back, the next stamp is a microsecond after it: stamps come
first in time priority, and a halt asked for before an order stays before it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
MICROSECOND = timedelta(microseconds=1)


def add_tables(metadata: sa.MetaData) -> sa.Table:
    """Add the writer's table to a service's schema."""
    return sa.Table(
        "order_writer",
        metadata,
        sa.Column("complex_id", sa.Text, primary_key=True),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("sealed_through", UtcInstant),
        # Null in rows of before it was kept.
        sa.Column("last_stamp", UtcInstant),
    )


WRITER = add_tables(sa.MetaData())


@dataclass(frozen=True, slots=True)
class Turn:
    """A writer's next number for a complex, and its instant; neither ever goes back."""

    sequence: int
    stamp: datetime


def next_turn(db: Connection, complex_id: str, now: Callable[[], datetime]) -> Turn:
    """Take the next turn, and with it the lock that keeps seals out; the clock is asked once the lock is held."""
    row = _locked(db, complex_id)
    turn = Turn(row.last_sequence + 1, _stamp(now(), after=row.last_stamp))
    db.execute(_TAKEN, {"of_complex": complex_id, "sequence": turn.sequence, "stamp": turn.stamp})
    return turn


def turn_now(db: Connection, complex_id: str, now: Callable[[], datetime]) -> Turn:
    """Return the turn that would be next, and take nothing."""
    row = db.execute(sa.select(WRITER).where(WRITER.c.complex_id == complex_id)).one_or_none()
    if row is None:
        return Turn(1, now())
    return Turn(row.last_sequence + 1, _stamp(now(), after=row.last_stamp))


def _stamp(now: datetime, *, after: datetime | None) -> datetime:
    return now if after is None or now >= after else after + MICROSECOND


def gate_is_open(db: Connection, complex_id: str, *, delivery_start: datetime, lead: timedelta, now: datetime) -> bool:
    """Say whether an order stamped `now` still belongs to an interval's auction; ask after `next_turn`."""
    sealed = db.scalar(sa.select(WRITER.c.sealed_through).where(WRITER.c.complex_id == complex_id))
    return now < delivery_start - lead and (sealed is None or sealed < delivery_start)


def seal_due(db: Connection, complex_id: str, *, writer: str, lead: timedelta, now: datetime) -> list[OrdersSealed]:
    """Seal the newest interval whose gate has closed, if it is not sealed yet; it covers all before it."""
    newest = interval_of(now + lead)
    sealed = db.scalar(sa.select(WRITER.c.sealed_through).where(WRITER.c.complex_id == complex_id))
    if sealed is not None and sealed >= newest:
        return []
    row = _locked(db, complex_id)
    stamp = _stamp(now, after=row.last_stamp)
    ours = sa.update(WRITER).where(WRITER.c.complex_id == complex_id)
    db.execute(ours.values(sealed_through=newest, last_stamp=stamp))
    # After a pause each missed interval gets its own seal, so that the log shows every gate.
    first = newest if sealed is None else sealed + INTERVAL
    missed = range((newest - first) // INTERVAL + 1)
    return [
        OrdersSealed(
            complex_id=complex_id,
            writer=writer,
            delivery_start=first + n * INTERVAL,
            sealed_at=stamp,
            last_sequence=row.last_sequence,
        )
        for n in missed
    ]


# Built once: each order takes a turn.
_OURS = WRITER.c.complex_id == sa.bindparam("of_complex")
_LOCKED = sa.select(WRITER).where(_OURS).with_for_update()
_TAKEN = sa.update(WRITER).where(_OURS).values(last_sequence=sa.bindparam("sequence"), last_stamp=sa.bindparam("stamp"))


def _locked(db: Connection, complex_id: str) -> sa.Row[Any]:
    """Return the writer's row, locked until the end of the transaction."""
    here = {"of_complex": complex_id}
    row = db.execute(_LOCKED, here).one_or_none()
    if row is None:
        # Two threads may both see that there is none; the later one then waits for the row of the other.
        dialect = postgresql if db.dialect.name == "postgresql" else sqlite
        first = dialect.insert(WRITER).values(complex_id=complex_id, last_sequence=0)
        db.execute(first.on_conflict_do_nothing())
        row = db.execute(_LOCKED, here).one()
    return row

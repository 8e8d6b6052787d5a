"""Settlement's own tables: what it was told, what it settled, and the ledger, to which the database only lets add."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.settlement.domain import Entry, Line, Metered, Settlement, Trade
from shared.db.tables import UtcInstant, new_metadata

METADATA = new_metadata()

COMPLEX_LOCK = sa.Table("complex_lock", METADATA, sa.Column("complex_id", sa.Text, primary_key=True))

AUCTION = sa.Table(
    "auction",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("auction_id", sa.Text, nullable=False),
)

TRADE = sa.Table(
    "trade",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("trade_id", sa.Text, nullable=False, unique=True),
    sa.Column("buyer_id", sa.Text, nullable=False),
    sa.Column("seller_id", sa.Text, nullable=False),
    sa.Column("quantity_wh", sa.BigInteger, nullable=False),
    sa.Column("paid_krw", sa.BigInteger, nullable=False),
    sa.Column("received_krw", sa.BigInteger, nullable=False),
)

READING = sa.Table(
    "reading",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("meter_kind", sa.Text, nullable=False),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Text, nullable=False),
)

SETTLED_INTERVAL = sa.Table(
    "settled_interval",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("settled_at", UtcInstant, nullable=False),
)

SETTLED_LINE = sa.Table(
    "settled_line",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("metered_import_wh", sa.BigInteger, nullable=False),
    sa.Column("metered_export_wh", sa.BigInteger, nullable=False),
    sa.Column("bought_wh", sa.BigInteger, nullable=False),
    sa.Column("sold_wh", sa.BigInteger, nullable=False),
    sa.Column("grid_import_wh", sa.BigInteger, nullable=False),
    sa.Column("grid_export_wh", sa.BigInteger, nullable=False),
    sa.Column("grid_import_price_jeon_per_kwh", sa.BigInteger, nullable=False),
    sa.Column("grid_export_price_jeon_per_kwh", sa.BigInteger, nullable=False),
    sa.Column("trade_paid_krw", sa.BigInteger, nullable=False),
    sa.Column("trade_received_krw", sa.BigInteger, nullable=False),
    sa.Column("grid_paid_krw", sa.BigInteger, nullable=False),
    sa.Column("grid_received_krw", sa.BigInteger, nullable=False),
    sa.Column("cost_without_krw", sa.BigInteger, nullable=False),
)

LEDGER_ENTRY = sa.Table(
    "ledger_entry",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("entry_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("cause_event_id", sa.Uuid, nullable=False),
)

LEDGER_LINE = sa.Table(
    "ledger_line",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("entry_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("debit_krw", sa.BigInteger, nullable=False),
    sa.Column("credit_krw", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(["complex_id", "entry_id"], ["ledger_entry.complex_id", "ledger_entry.entry_id"]),
    sa.CheckConstraint(
        "debit_krw >= 0 AND credit_krw >= 0 AND (debit_krw = 0) <> (credit_krw = 0)", name="ledger_line_has_one_side"
    ),
)


def _append_only(metadata: sa.MetaData, db: Connection, **_: object) -> None:
    """Make the database refuse every change of what the ledger holds; the first migration does the same."""
    del metadata
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(
            "CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
    for table in ("ledger_entry", "ledger_line"):
        if db.dialect.name == "postgresql":
            db.exec_driver_sql(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
            )
            continue
        for change in ("UPDATE", "DELETE"):
            db.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )


sa.event.listen(METADATA, "after_create", _append_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A meter's interval as it came."""

    meter_id: str
    participant_id: str
    meter_kind: str
    delivery_start: datetime
    import_wh: int
    export_wh: int
    quality: str


def lock(db: Connection, complex_id: str) -> None:
    """Let nobody else settle for this complex until the transaction ends.

    Two processes could each take in one of the last two readings and both find the interval incomplete.
    """
    of_complex = sa.select(COMPLEX_LOCK.c.complex_id).where(COMPLEX_LOCK.c.complex_id == complex_id)
    if db.scalar(of_complex.with_for_update()) is None:
        db.execute(sa.insert(COMPLEX_LOCK).values(complex_id=complex_id))


def has_auction(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval's auction is known."""
    return _has(db, AUCTION, complex_id, delivery_start)


def is_settled(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval is in the ledger."""
    return _has(db, SETTLED_INTERVAL, complex_id, delivery_start)


def awaits_settlement(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval's auction is known and the interval not in the ledger yet."""
    settled = sa.exists().where(
        SETTLED_INTERVAL.c.complex_id == complex_id, SETTLED_INTERVAL.c.delivery_start == delivery_start
    )
    of_interval = (AUCTION.c.complex_id == complex_id, AUCTION.c.delivery_start == delivery_start)
    return db.scalar(sa.select(AUCTION.c.complex_id).where(*of_interval, ~settled)) is not None


def _has(db: Connection, table: sa.Table, complex_id: str, delivery_start: datetime) -> bool:
    where = (table.c.complex_id == complex_id, table.c.delivery_start == delivery_start)
    return db.scalar(sa.select(table.c.complex_id).where(*where)) is not None


def save_auction(
    db: Connection, complex_id: str, delivery_start: datetime, auction_id: str, trades: Sequence[Trade]
) -> None:
    """Keep an auction's trades."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    db.execute(sa.insert(AUCTION).values(**place, auction_id=auction_id))
    rows = [{**place, "number": number, **asdict(trade)} for number, trade in enumerate(trades, start=1)]
    if rows:
        db.execute(sa.insert(TRADE), rows)


def load_trades(db: Connection, complex_id: str, delivery_start: datetime) -> list[Trade]:
    """Return the trades of an interval."""
    columns = [TRADE.c[name] for name in Trade.__dataclass_fields__]
    of_interval = (TRADE.c.complex_id == complex_id, TRADE.c.delivery_start == delivery_start)
    return [Trade(**row) for row in db.execute(sa.select(*columns).where(*of_interval).order_by("number")).mappings()]


def load_reading(db: Connection, complex_id: str, meter_id: str, delivery_start: datetime) -> Reading | None:
    """Return what a meter said of an interval."""
    columns = [READING.c[name] for name in Reading.__dataclass_fields__]
    found = db.execute(sa.select(*columns).where(*_of_reading(complex_id, meter_id, delivery_start))).mappings()
    row = found.one_or_none()
    return None if row is None else Reading(**row)


def save_reading(db: Connection, complex_id: str, reading: Reading, *, known: Reading | None) -> None:
    """Keep a reading, in place of the known one."""
    facts: dict[str, Any] = asdict(reading)
    if known is None:
        db.execute(sa.insert(READING).values(complex_id=complex_id, **facts))
        return
    place = _of_reading(complex_id, reading.meter_id, reading.delivery_start)
    db.execute(sa.update(READING).where(*place).values(**facts))


def _of_reading(complex_id: str, meter_id: str, delivery_start: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        READING.c.complex_id == complex_id,
        READING.c.meter_id == meter_id,
        READING.c.delivery_start == delivery_start,
    )


def load_metered(
    db: Connection, complex_id: str, delivery_start: datetime, meters: Collection[str]
) -> dict[str, Metered] | None:
    """Return each participant's metered energy of an interval; None while one of the meters has not said anything."""
    columns = (READING.c.participant_id, READING.c.meter_kind, READING.c.import_wh, READING.c.export_wh)
    of_interval = (READING.c.complex_id == complex_id, READING.c.delivery_start == delivery_start)
    readings = db.execute(sa.select(*columns).where(*of_interval, READING.c.meter_id.in_(meters))).all()
    if len(readings) < len(meters):
        return None
    sums: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: {"import_wh": 0, "export_wh": 0, "ess_import_wh": 0, "ess_export_wh": 0}
    )
    for row in readings:
        prefix = "ess_" if row.meter_kind == "ess" else ""
        sums[row.participant_id][f"{prefix}import_wh"] += row.import_wh
        sums[row.participant_id][f"{prefix}export_wh"] += row.export_wh
    return {participant_id: Metered(**sums[participant_id]) for participant_id in sorted(sums)}


def save_settlement(
    db: Connection,
    complex_id: str,
    delivery_start: datetime,
    settlement: Settlement,
    *,
    cause: uuid.UUID,
    settled_at: datetime,
) -> None:
    """Put an interval's lines and ledger entries into the books."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    db.execute(sa.insert(SETTLED_INTERVAL).values(**place, settled_at=settled_at))
    db.execute(sa.insert(SETTLED_LINE), [{**place, **asdict(line)} for line in settlement.lines])
    entries = settlement.entries
    if entries:
        identities = [{**place, "entry_id": entry.entry_id, "kind": entry.kind} for entry in entries]
        db.execute(sa.insert(LEDGER_ENTRY), [{**identity, "cause_event_id": cause} for identity in identities])
        db.execute(sa.insert(LEDGER_LINE), [row for entry in entries for row in _ledger_lines(complex_id, entry)])


def _ledger_lines(complex_id: str, entry: Entry) -> list[Mapping[str, Any]]:
    place = {"complex_id": complex_id, "entry_id": entry.entry_id}
    return [{**place, "number": number, **asdict(posting)} for number, posting in enumerate(entry.postings, start=1)]


def ledger_sum_krw(db: Connection, complex_id: str) -> int:
    """Return all debits less all credits of a complex's ledger; a ledger in balance gives 0."""
    total = sa.select(sa.func.sum(LEDGER_LINE.c.debit_krw - LEDGER_LINE.c.credit_krw))
    return int(db.scalar(total.where(LEDGER_LINE.c.complex_id == complex_id)) or 0)


def unbalanced_entries(db: Connection, complex_id: str) -> list[str]:
    """Return the ids of entries whose debits and credits differ; a sound ledger has none."""
    difference = sa.func.sum(LEDGER_LINE.c.debit_krw - LEDGER_LINE.c.credit_krw)
    by_entry = sa.select(LEDGER_LINE.c.entry_id).where(LEDGER_LINE.c.complex_id == complex_id)
    return list(db.scalars(by_entry.group_by(LEDGER_LINE.c.entry_id).having(difference != 0).order_by("entry_id")))


def load_lines(db: Connection, complex_id: str, first: datetime, end: datetime) -> dict[str, list[Line]]:
    """Return the settled lines of the intervals from `first` up to, not including, `end`, by participant."""
    columns = [SETTLED_LINE.c[name] for name in Line.__dataclass_fields__]
    in_period = (SETTLED_LINE.c.complex_id == complex_id, *_between(SETTLED_LINE, first, end))
    ordered = sa.select(*columns).where(*in_period).order_by("participant_id", SETTLED_LINE.c.delivery_start)
    by_participant: defaultdict[str, list[Line]] = defaultdict(list)
    for row in db.execute(ordered).mappings():
        by_participant[row["participant_id"]].append(Line(**row))
    return dict(by_participant)


def settled_intervals(db: Connection, complex_id: str, first: datetime, end: datetime) -> int:
    """Count the settled intervals from `first` up to, not including, `end`."""
    in_period = (SETTLED_INTERVAL.c.complex_id == complex_id, *_between(SETTLED_INTERVAL, first, end))
    return db.scalar(sa.select(sa.func.count()).select_from(SETTLED_INTERVAL).where(*in_period)) or 0


def _between(table: sa.Table, first: datetime, end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.delivery_start >= first, table.c.delivery_start < end)

"""The read model's tables are declared with these. Rows are keyed by complex first: no query crosses complexes."""

import sqlalchemy as sa

from services.trading_api.db.sql import Column
from shared.db import order_writer
from shared.db.tables import UtcInstant, new_metadata

METADATA = new_metadata()
order_writer.add_tables(METADATA)


def table(name: str, key: str, *rest: Column | sa.Index) -> sa.Table:
    """Declare a table: its key after complex_id, as "name" (text) or "name@" (instant), separated by spaces."""
    keys = [
        sa.Column(part.rstrip("@"), UtcInstant if part.endswith("@") else sa.Text, primary_key=True)
        for part in key.split()
    ]
    return sa.Table(name, METADATA, sa.Column("complex_id", sa.Text, primary_key=True), *keys, *rest)


def text(*names: str) -> list[Column]:
    """Return columns of text; a name that ends in "?" may be null, here and below."""
    return [_nullable_by_name(name, sa.Text()) for name in names]


def whole(*names: str) -> list[Column]:
    """Return columns of whole numbers of 64 bits."""
    return [_nullable_by_name(name, sa.BigInteger()) for name in names]


def instant(*names: str) -> list[Column]:
    """Return columns of instants."""
    return [_nullable_by_name(name, UtcInstant()) for name in names]


def none_before(*names: str) -> list[sa.Column[int]]:
    """Return whole numbers that came later: 0 in the rows of before."""
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]


def flags() -> Column:
    """Return what validation found, which came later: nothing in the rows of before."""
    return sa.Column("flags", sa.JSON, nullable=False, server_default="[]")


def _nullable_by_name(name: str, kind: UtcInstant | sa.Text | sa.BigInteger) -> Column:
    return sa.Column(name.rstrip("?"), kind, nullable=name.endswith("?"))

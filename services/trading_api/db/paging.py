"""Lists in pages: keyset pagination behind an opaque cursor, newest first."""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.db.sql import Column, Query, rows_of
from shared.db.tables import UtcInstant
from shared.events.base import INT64_MAX
from shared.strict_json import is_storable


class BadCursor(Exception):  # noqa: N818 -- it says what the cursor is
    """A cursor was not given out for this list."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A query and the columns that order its rows, all descending; together they tell any two rows apart."""

    name: str
    query: Query
    order: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a listing; `next_cursor` is None where nothing follows."""

    rows: Sequence[RowMapping]
    next_cursor: str | None


def page(db: Connection, listing: Listing, *, limit: int, cursor: str | None) -> Page:
    """Return the next rows of a listing.

    Raises:
        BadCursor: The cursor is not one of this listing's.
    """
    query = listing.query.order_by(*(column.desc() for column in listing.order)).limit(limit + 1)
    if cursor is not None:
        last = [
            sa.bindparam(None, value, type_=column.type)
            for column, value in zip(listing.order, _read(cursor, listing), strict=True)
        ]
        query = query.where(sa.tuple_(*listing.order) < sa.tuple_(*last))
    found = rows_of(db, query)
    more = len(found) > limit
    rows = found[:limit]
    return Page(rows=rows, next_cursor=_write(rows[-1], listing) if more else None)


def ids_after(name: str, ids: Iterable[str], *, limit: int, cursor: str | None) -> tuple[Sequence[str], str | None]:
    """Return the next ids of a list that is no query, in their own order, and the cursor of what follows.

    Raises:
        BadCursor: The cursor is not one of this list's.
    """
    last = None
    if cursor is not None:
        place = _unpacked(cursor, name)
        if len(place) != 1 or not isinstance(place[0], str):
            raise BadCursor("unreadable")
        last = place[0]
    following = sorted(identifier for identifier in ids if last is None or identifier > last)
    return following[:limit], _packed(name, following[limit - 1]) if len(following) > limit else None


def _write(row: RowMapping, listing: Listing) -> str:
    return _packed(listing.name, *(_plain(row[column.name]) for column in listing.order))


def _read(cursor: str, listing: Listing) -> list[object]:
    try:
        place = _unpacked(cursor, listing.name)
        return [_typed(part, column) for part, column in zip(place, listing.order, strict=True)]
    except (ValueError, TypeError):
        raise BadCursor("unreadable") from None


def _packed(name: str, *place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, *place]).encode()).decode().rstrip("=")


def _unpacked(cursor: str, wanted: str) -> list[object]:
    place: list[object]
    try:
        name, *place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise BadCursor("unreadable") from None
    if name != wanted:
        raise BadCursor(f"of another list: {name}")
    return place


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(part: object, column: Column) -> object:
    if isinstance(column.type, UtcInstant):
        if not isinstance(part, str):
            raise TypeError("must be an instant")
        instant = datetime.fromisoformat(part)
        if instant.tzinfo is None:
            raise ValueError("must carry an offset")
        return instant
    wanted = int if isinstance(column.type, sa.BigInteger) else str
    if type(part) is not wanted:
        raise TypeError(f"must be {wanted.__name__}")
    if isinstance(part, str) and not is_storable(part):
        raise ValueError("must be text that a database holds")
    if isinstance(part, int) and not -INT64_MAX <= part <= INT64_MAX:
        raise ValueError("must have at most 64 bits")
    return part

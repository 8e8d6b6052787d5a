"""API keys and console sessions, kept as hashes only, and the tokens that were revoked."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.access.tables import API_KEY, CONSOLE_SESSION, REVOKED_TOKEN
from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import Query, upsert
from services.trading_api.roles import Principal, Role
from services.trading_api.text import Row


def key_list(complex_id: str) -> Listing:
    """List a complex's API keys."""
    return Listing("keys", sa.select(API_KEY).where(API_KEY.c.complex_id == complex_id), (API_KEY.c.key_id,))


def save_key(db: Connection, row: Row) -> bool:
    """Keep a new key; say False where a key with this hash is known already."""
    known = db.scalar(sa.select(API_KEY.c.key_id).where(API_KEY.c.key_hash == row["key_hash"]))
    if known is None:
        db.execute(sa.insert(API_KEY).values(**row))
    return known is None


def key(db: Connection, complex_id: str, key_id: str) -> RowMapping | None:
    """Return one key of a complex, or None."""
    return db.execute(keys(complex_id).where(API_KEY.c.key_id == key_id)).mappings().one_or_none()


def keys(complex_id: str) -> Query:
    """Return the query for a complex's keys."""
    return sa.select(API_KEY).where(API_KEY.c.complex_id == complex_id)


def live_keys(db: Connection, complex_id: str) -> dict[str, int]:
    """Return how many keys that were not revoked each participant has; one without any is left out."""
    own = (API_KEY.c.complex_id == complex_id, API_KEY.c.revoked_at.is_(None), API_KEY.c.participant_id.is_not(None))
    counted = sa.select(API_KEY.c.participant_id, sa.func.count().label("number")).where(*own)
    return {row.participant_id: row.number for row in db.execute(counted.group_by(API_KEY.c.participant_id))}


def revoke_key(db: Connection, complex_id: str, key_id: str, *, now: datetime) -> None:
    """Let a key work no longer, and the sessions that stand for it."""
    here = (API_KEY.c.complex_id == complex_id) & (API_KEY.c.key_id == key_id)
    db.execute(sa.update(API_KEY).where(here, API_KEY.c.revoked_at.is_(None)).values(revoked_at=now))


def principal_of_key(db: Connection, key_hash: str) -> Principal | None:
    """Return whom a key's hash belongs to, None where it is unknown or revoked."""
    query = sa.select(API_KEY).where(API_KEY.c.key_hash == key_hash, API_KEY.c.revoked_at.is_(None))
    return _principal(db.execute(query).mappings().one_or_none())


def principal_of_session(db: Connection, token_hash: str, *, wall: datetime) -> Principal | None:
    """Return for whom a console session stands, None where it is unknown, over, or its key revoked."""
    same_key = (API_KEY.c.complex_id == CONSOLE_SESSION.c.complex_id) & (API_KEY.c.key_id == CONSOLE_SESSION.c.key_id)
    query = (
        sa.select(API_KEY)
        .join(CONSOLE_SESSION, same_key)
        .where(CONSOLE_SESSION.c.token_hash == token_hash, CONSOLE_SESSION.c.expires_at > wall)
        .where(API_KEY.c.revoked_at.is_(None))
    )
    return _principal(db.execute(query).mappings().one_or_none())


def open_session(
    db: Connection, principal: Principal, *, token_hash: str, wall: datetime, expires_at: datetime
) -> None:
    """Keep a new session, and drop those that are over."""
    db.execute(sa.delete(CONSOLE_SESSION).where(CONSOLE_SESSION.c.expires_at <= wall))
    db.execute(
        sa.insert(CONSOLE_SESSION).values(
            token_hash=token_hash,
            complex_id=principal.complex_id,
            key_id=principal.key_id,
            expires_at=expires_at,
        )
    )


def close_session(db: Connection, token_hash: str) -> None:
    """End a session."""
    db.execute(sa.delete(CONSOLE_SESSION).where(CONSOLE_SESSION.c.token_hash == token_hash))


def revoke_token(db: Connection, row: Row, *, wall: datetime) -> None:
    """Keep a token's name among the revoked ones, and drop those whose time is over."""
    db.execute(sa.delete(REVOKED_TOKEN).where(REVOKED_TOKEN.c.forgotten_at <= wall))
    upsert(db, REVOKED_TOKEN, [row])


def is_revoked(db: Connection, complex_id: str, jti: str) -> bool:
    """Say whether a token of a complex was revoked."""
    here = (REVOKED_TOKEN.c.complex_id == complex_id) & (REVOKED_TOKEN.c.jti == jti)
    return db.scalar(sa.select(REVOKED_TOKEN.c.jti).where(here)) is not None


def _principal(row: RowMapping | None) -> Principal | None:
    if row is None:
        return None
    return Principal(
        key_id=row["key_id"],
        name=row["name"],
        role=Role(row["role"]),
        complex_id=row["complex_id"],
        participant_id=row["participant_id"],
    )

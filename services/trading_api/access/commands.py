"""Make and revoke keys, revoke tokens."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.access import queries
from services.trading_api.access.claims import GOOD_FOR_MAX
from services.trading_api.log.commands import AuditedCommand
from services.trading_api.roles import Role
from shared.events.base import named_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be kept: its secret's hash, and whose it is."""

    key_hash: str
    role: Role
    participant_id: str | None
    name: str


def create_key(command: AuditedCommand, new: NewKey) -> RowMapping:
    """Keep a new API key of the complex and return its row."""
    complex_id = command.principal.complex_id
    key_id = key_id_of(complex_id, new.key_hash)
    queries.save_key(command.db, key_row(complex_id, new, now=command.now))
    command.record("key.create", key_id, f"{new.role}: {new.name}")
    return _key(command.db, complex_id, key_id)


def revoke_key(command: AuditedCommand, key_id: str) -> RowMapping | None:
    """Let a key work no longer; None where there is no such key."""
    complex_id = command.principal.complex_id
    if queries.key(command.db, complex_id, key_id) is None:
        return None
    queries.revoke_key(command.db, complex_id, key_id, now=command.now)
    command.record("key.revoke", key_id, "revoked")
    return _key(command.db, complex_id, key_id)


def revoke_token(command: AuditedCommand, jti: str, *, wall: datetime) -> dict[str, object]:
    """Let a token work no longer, known or not, and return its row; tokens live by the wall's clock."""
    row = {
        "complex_id": command.principal.complex_id,
        "jti": jti,
        "revoked_at": wall,
        "forgotten_at": wall + GOOD_FOR_MAX,
    }
    queries.revoke_token(command.db, row, wall=wall)
    command.record("token.revoke", jti, "revoked")
    return row


def key_row(complex_id: str, new: NewKey, *, now: datetime) -> dict[str, object]:
    """Return the row of a key; its id is made of the secret's hash, so that the same key is the same row."""
    return {
        "complex_id": complex_id,
        "key_id": key_id_of(complex_id, new.key_hash),
        "key_hash": new.key_hash,
        "role": new.role.value,
        "participant_id": new.participant_id,
        "name": new.name,
        "created_at": now,
    }


def key_id_of(complex_id: str, key_hash: str) -> str:
    """Return the public id of a key."""
    return str(named_id("api-key", complex_id, key_hash))


def _key(db: Connection, complex_id: str, key_id: str) -> RowMapping:
    row = queries.key(db, complex_id, key_id)
    assert row is not None  # noqa: S101 -- written in this transaction; narrows the type
    return row

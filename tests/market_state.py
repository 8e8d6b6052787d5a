"""The engine's whole state as one hash, to compare with what a replay of the log gives."""

import hashlib
import json

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.market.store.tables import METADATA

# How messages travel, and which alarm a watcher raised, say nothing about the market.
_NO_STATE = {"inbox", "outbox", "consumed"}
_NO_FACTS = {"alarmed_through"}


def state_sha256(db: Connection) -> str:
    """Hash every row of every table, in the order of names and primary keys."""
    digest = hashlib.sha256()
    for name, table in sorted(METADATA.tables.items()):
        if name in _NO_STATE:
            continue
        columns = [column for column in table.columns if column.name not in _NO_FACTS]
        for row in db.execute(sa.select(*columns).order_by(*table.primary_key.columns)):
            line = json.dumps([name, *row], default=str, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()

"""The hash of a day's normalised books: the same for two runs that were told the same, and for no others."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def hashed_day(market: "Connection", settlement: "Connection", complex_id: str, day: date) -> dict[str, Any]:
    """Return rows and hash of each section of a complex's day, and a hash over all of them."""
    from services.market.store.normalised import traded_day
    from services.settlement.store.normalised import settled_day

    books = {**traded_day(market, complex_id, day), **settled_day(settlement, complex_id, day)}
    sections = {name: {"rows": len(rows), "sha256": _sha256(rows)} for name, rows in sorted(books.items())}
    return {"sha256": _sha256([[name, part["sha256"]] for name, part in sections.items()]), "sections": sections}


def _sha256(rows: Sequence[Sequence[Any]]) -> str:
    """Return the hash of rows in whatever order they come, each a line of JSON."""
    digest = hashlib.sha256()
    for line in sorted(json.dumps([_plain(one) for one in row], sort_keys=True, ensure_ascii=False) for row in rows):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else value

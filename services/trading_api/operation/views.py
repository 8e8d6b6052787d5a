"""How a link of the audit chain reads on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text


class AuditView(TypedDict):
    """A link of the audit chain: who did what, when, with which result."""

    number: int
    at: str
    key_id: str
    who: str
    role: str
    action: str
    object: str
    result: str
    previous_hash: str
    hash: str


def audit_view(row: Row) -> AuditView:
    """Show a link of the audit chain."""
    return {
        "number": row["number"],
        "at": instant_text(row["at"]),
        "key_id": row["key_id"],
        "who": row["who"],
        "role": row["role"],
        "action": row["action"],
        "object": row["object"],
        "result": row["result"],
        "previous_hash": row["previous_hash"],
        "hash": row["hash"],
    }

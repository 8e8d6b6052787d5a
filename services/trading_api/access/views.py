"""How keys and revoked tokens read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text, maybe


class KeyView(TypedDict):
    """An API key without its secret."""

    key_id: str
    role: str
    complex_id: str
    participant_id: str | None
    name: str
    created_at: str
    revoked_at: str | None


class RevokedTokenView(TypedDict):
    """A token that works no longer; after `forgotten_at` it could not anyway."""

    jti: str
    revoked_at: str
    forgotten_at: str


def key_view(row: Row) -> KeyView:
    """Show an API key without its secret."""
    return {
        "key_id": row["key_id"],
        "role": row["role"],
        "complex_id": row["complex_id"],
        "participant_id": row["participant_id"],
        "name": row["name"],
        "created_at": instant_text(row["created_at"]),
        "revoked_at": maybe(instant_text, row["revoked_at"]),
    }


def revoked_token_view(row: Row) -> RevokedTokenView:
    """Show a token that works no longer."""
    return {
        "jti": row["jti"],
        "revoked_at": instant_text(row["revoked_at"]),
        "forgotten_at": instant_text(row["forgotten_at"]),
    }


class NewKeyView(KeyView):
    """A new API key with its secret, which is shown this once."""

    key: str

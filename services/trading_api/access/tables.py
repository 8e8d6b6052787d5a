"""The tables of keys, console sessions and revoked tokens."""

import sqlalchemy as sa

from services.trading_api.db.metadata import METADATA, instant, table, text

API_KEY = table(
    "api_key",
    "key_id",
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    *text("role", "participant_id?", "name"),
    *instant("created_at", "revoked_at?"),
)
# A console session stands for a key for some hours; the cookie's token is kept hashed as keys are.
CONSOLE_SESSION = sa.Table(
    "console_session",
    METADATA,
    sa.Column("token_hash", sa.Text, primary_key=True),
    *text("complex_id", "key_id"),
    *instant("expires_at"),
)
# By an identity provider's name for the token; forgotten when no token of that name could be good any more.
REVOKED_TOKEN = table("revoked_token", "jti", *instant("revoked_at", "forgotten_at"))

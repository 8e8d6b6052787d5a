"""What callers send about keys, tokens and sessions."""

from typing import Annotated

from pydantic import StringConstraints

from services.trading_api.access.claims import Identifier
from services.trading_api.http.fields import Request, Sentence
from services.trading_api.roles import Role


class KeyIn(Request):
    """A new API key; `participant_id` belongs to the role factory, and to no other."""

    name: Sentence
    role: Role
    participant_id: str | None = None


class RevokedTokenIn(Request):
    """The token that is to work no longer, by the name that its provider gave it."""

    jti: Identifier


class SessionIn(Request):
    """The key that a console session shall stand for."""

    key: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]


class BootstrapKey(Request):
    """A key that a deployment starts with."""

    key: Annotated[str, StringConstraints(strict=True, min_length=32, max_length=200)]
    role: Role
    complex_id: str
    participant_id: str | None = None
    name: Sentence

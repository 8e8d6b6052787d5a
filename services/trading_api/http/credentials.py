"""What a request presents to be let in."""

import hashlib

from starlette.requests import Request

COOKIE = "sandan_session"
# A page of another site can't set a header without asking first; so a cookie alone never writes.
CONSOLE_HEADER = "x-sandan-console"
SAFE_METHODS = frozenset({"GET", "HEAD"})


def hash_of(secret: str) -> str:
    """Return the hash under which a key or a session's token is kept; both are 256 random bits, so no salt."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def token_in(request: Request) -> str:
    """Return what the header presents as bearer, nothing where it presents something else."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def credential_of(request: Request) -> str | None:
    """Return the hash of what the caller presents, None where that is nothing."""
    presented = request.headers.get("authorization") or request.cookies.get(COOKIE)
    return None if presented is None else hash_of(presented)


def challenge(request: Request) -> str:
    """Return what RFC 6750 answers to a bearer token that was refused, or to none."""
    return 'Bearer error="invalid_token"' if token_in(request) else "Bearer"

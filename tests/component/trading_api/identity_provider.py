"""An operator's identity provider: keys of its own, the public ones in a file, and whatever tokens one asks it for."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc.jwk import Key, generate_key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from services.trading_api.access.claims import Trust
from services.trading_api.access.tokens import Tokens
from shared.clock import wall_now
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT

ISSUER = "https://login.changwon.example/realms/complex"
AUDIENCE = "sandan-trading-api"
# Made once: an RSA key takes a while. Each is named for what it signs with.
KEYS: Mapping[str, Key] = {
    "RS256": generate_key("RSA", 2048),
    "ES256": generate_key("EC", "P-256"),
    "Ed25519": generate_key("OKP", "Ed25519"),
}
MISSING = object()


class IdentityProvider:
    """A provider whose public keys lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.keys_file = folder / "jwks.json"
        self.publish({name: public_jwk(name, key) for name, key in KEYS.items()})

    def publish(self, jwks: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the key set, as a provider shows it: with keys that are no use to us as well."""
        others = [{"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "for-encryption", "n": "AQAB", "e": "AQAB"}]
        draft = self.keys_file.with_suffix(".draft")
        draft.write_text(json.dumps({"keys": [*others, *jwks.values()]}))
        draft.replace(self.keys_file)

    def tokens(self) -> Tokens:
        """Return the API's view of this provider."""
        return Tokens(self.keys_file, Trust(issuer=ISSUER, audience=AUDIENCE))

    def token(self, *, key: str = "ES256", headers: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a token of Hanbit's, with changed claims (MISSING leaves one out) and headers."""
        header = {"alg": key, "typ": "JWT", "kid": f"key-{key}", **(headers or {})}
        return signed(header, json.dumps(claims(**changes)).encode(), KEYS[key], key)


def claims(**changes: Any) -> dict[str, Any]:
    """Return what a factory's token claims."""
    now_s = int(wall_now().timestamp())
    usual = {
        "iss": ISSUER,
        "aud": ["account", AUDIENCE],
        "sub": "6f1c0f5e-kim",
        "jti": "token-1",
        "iat": now_s - 5,
        "exp": now_s + 600,
        "complex_id": COMPLEX,
        "role": "factory",
        "participant_id": HANBIT,
        "preferred_username": "kim",
        **changes,
    }
    return {name: claim for name, claim in usual.items() if claim is not MISSING}


def in_s(seconds: float) -> int:
    """Return an instant from now as tokens write it."""
    return int((wall_now() + timedelta(seconds=seconds)).timestamp())


def public_jwk(name: str, key: Key) -> dict[str, Any]:
    """Return a key as a provider publishes it."""
    return {**key.as_dict(private=False), "kid": f"key-{name}", "use": "sig", "alg": name, "x5t": "thumb"}


def signed(header: Any, payload: bytes, key: Key, algorithm: str) -> str:
    """Sign anything at all, with no regard to what a header should say."""
    signing_input = b".".join(urlsafe_b64encode(part) for part in (json.dumps(header).encode(), payload))
    signature = JWSRegistry.algorithms[algorithm].sign(signing_input, key)
    return (signing_input + b"." + urlsafe_b64encode(signature)).decode()

"""JSON Web Tokens of an operator's identity provider, verified with its public keys in a file; nobody is asked."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import Key, RSAKey, import_key
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.util import urlsafe_b64decode
from pydantic import ValidationError

from services.trading_api.access.claims import Claims, Trust, broken_rule
from services.trading_api.text import JsonObject
from shared import strict_json
from shared.errors import ODD_INPUT, BadInput, BadInputs
from shared.files import read_file

logger = logging.getLogger(__name__)
KEYS_FILE_SETTING = "TRADING_API_JWT_KEYS_FILE"
KEYS_BYTES_MAX = 1_000_000
RSA_BITS_MIN = 2048
# What only secret keys have: RSA's and elliptic curves' private members, and a symmetric key itself.
SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# Headers that name a key of the token's own choice, or ask for a way of reading that is not ours.
REFUSED_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64"})
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of key: the names of its one algorithm, and the members that are the public key."""

    algorithms: tuple[str, ...]
    members: tuple[str, ...]


# By key type and curve. RFC 9864 calls Ed25519 so; providers still write EdDSA.
KINDS: Mapping[tuple[str, str], KeyKind] = {
    ("RSA", ""): KeyKind(("RS256",), ("kty", "n", "e")),
    ("EC", "P-256"): KeyKind(("ES256",), ("kty", "crv", "x", "y")),
    ("OKP", "Ed25519"): KeyKind(("Ed25519", "EdDSA"), ("kty", "crv", "x")),
}


class Registry(JWSRegistry):
    """The algorithms that are taken; headers that say nothing to us are passed over, as RFC 7515 wants it."""

    def get_alg(self, name: str) -> Any:
        """Return an algorithm; EdDSA is taken with Ed25519's keys alone."""
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


REGISTRY = Registry(algorithms=("RS256", "ES256", "Ed25519"), strict_check_header=False)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of the provider, and the algorithm names that it may be used with."""

    key: Key
    algorithms: tuple[str, ...]


class Tokens:
    """The identity provider whose tokens are taken, with its keys as the file has them now."""

    def __init__(self, keys_file: Path, trust: Trust) -> None:
        self._file = keys_file
        self._trust = trust
        self._stamp = _stamp(keys_file)
        self._keys = read_public_keys(keys_file)

    def claims_of(self, token: str, *, now: datetime) -> Claims | None:
        """Return what a token claims, None where it is not the provider's, or not good now."""
        said = self._verified(token)
        if said is None:
            return None
        try:
            claims = Claims.model_validate(said)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            rule: str | None = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        else:
            rule = broken_rule(claims, self._trust, now=now)
            if rule is None:
                return claims
        # The provider did sign it, so this line is for whoever sets the provider up, and no stranger can fill the log.
        logger.info("token refused", extra={"rule": rule})
        return None

    def _verified(self, token: str) -> object:
        """Return what the provider signed, None where it did not."""
        try:
            header = strict_json.parse(urlsafe_b64decode(token.partition(".")[0].encode()), where="header")
            key = self._key_for(header)
            return (
                None
                if key is None
                else strict_json.parse(deserialize_compact(token, key, registry=REGISTRY).payload, where="claims")
            )
        except (BadInput, JoseError, ValueError):
            return None

    def _key_for(self, header: object) -> Key | None:
        """Return the key that a header names by its `kid`, None where it names none of ours or asks for more."""
        if not isinstance(header, dict) or REFUSED_HEADERS & header.keys():
            return None
        kid, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
        known = self._present_keys().get(kid) if isinstance(kid, str) else None
        if known is None or algorithm not in known.algorithms or str(kind).lower() not in TYPES:
            return None
        return known.key

    def _present_keys(self) -> Mapping[str, PublicKey]:
        """Return the keys, read again where the file has changed; while it can't be read, the former ones stay."""
        stamp = _stamp(self._file)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keys = read_public_keys(self._file)
            except (BadInput, *ODD_INPUT) as problem:
                logger.error("the token keys stay as they were", extra={"reason": str(problem)})  # noqa: TRY400 -- a line, not a trace
            else:
                logger.info("token keys read", extra={"kids": sorted(self._keys)})
        return self._keys


def trusted_tokens(keys_file: Path | None, issuer: str | None, audience: str | None) -> Tokens | None:
    """Return the provider that three settings name, None where none of them is set.

    Raises:
        BadInput: The file has no keys that can be used, or some that it must not have.
        BadInputs: Some of the settings are set, and some are not.
    """
    settings = {KEYS_FILE_SETTING: keys_file, "TRADING_API_JWT_ISSUER": issuer, "TRADING_API_JWT_AUDIENCE": audience}
    missing = [name for name, given in settings.items() if not given]
    if len(missing) == len(settings):
        return None
    if keys_file is None or not issuer or not audience:
        rule = f"must be set beside {' and '.join(sorted(settings.keys() - set(missing)))}"
        raise BadInputs(BadInput(where="environment", field=name, rule=rule, value="") for name in missing)
    return Tokens(keys_file, Trust(issuer=issuer, audience=audience))


def read_public_keys(path: Path) -> Mapping[str, PublicKey]:
    """Read a JSON Web Key Set (RFC 7517) and return its keys for signatures by `kid`; others are passed over.

    Raises:
        BadInput: The file is missing, no key set, holds a secret, or has no key that can be used.
    """
    try:
        content = strict_json.parse(read_file(path, bytes_max=KEYS_BYTES_MAX), where=str(path))
    except FileNotFoundError:
        rule = "must name a readable file"
        raise BadInput(where="environment", field=KEYS_FILE_SETTING, rule=rule, value=str(path)) from None
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise BadInput(where=str(path), field="$.keys", rule="must be a list of JSON Web Keys", value="something else")
    found: dict[str, PublicKey] = {}
    for number, entry in enumerate(entries):
        where = f"$.keys[{number}]"
        if entry.get("kty") == "oct" or SECRET_MEMBERS & entry.keys():
            hint = "whoever can read it could sign; take the provider's public key set"
            raise BadInput(where=str(path), field=where, rule="must be a public key", value="a secret", hint=hint)
        kind = _kind_of(entry)
        if kind is None:
            continue
        kid = entry.get("kid")
        if not isinstance(kid, str) or not kid or kid in found:
            raise BadInput(where=str(path), field=f"{where}.kid", rule="must be this key's alone", value=kid)
        found[kid] = PublicKey(_imported(path, where, entry, kind), kind.algorithms)
    if not found:
        rule = "must have a key with kid for RS256, ES256 or Ed25519"
        raise BadInput(where=str(path), field="$.keys", rule=rule, value=f"{len(entries)} others")
    return found


def _kind_of(entry: JsonObject) -> KeyKind | None:
    """Return the kind of a key that verifies signatures of ours, None for any other."""
    kind = KINDS.get((str(entry.get("kty")), str(entry.get("crv", ""))))
    operations = entry.get("key_ops", ["verify"])
    is_for_signatures = entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    return kind if kind and is_for_signatures and entry.get("alg") in (None, *kind.algorithms) else None


def _imported(path: Path, where: str, entry: JsonObject, kind: KeyKind) -> Key:
    try:
        # Without what else it says of itself: its use and algorithm are settled.
        key = import_key({name: entry.get(name, "") for name in kind.members})
    except (JoseError, ValueError) as error:
        raise BadInput(where=str(path), field=where, rule="must be a key", value=str(error)) from None
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
        rule = f"must have at least {RSA_BITS_MIN} bits"
        raise BadInput(where=str(path), field=f"{where}.n", rule=rule, value=key.public_key.key_size)
    return key


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes with a file's content, nothing where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino

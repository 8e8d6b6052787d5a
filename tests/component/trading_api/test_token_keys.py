import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import generate_key

from services.trading_api.access.tokens import read_public_keys
from shared.errors import BadInput
from shared.paths import ROOT
from tests.component.trading_api.identity_provider import (
    AUDIENCE,
    ISSUER,
    KEYS,
    IdentityProvider,
    claims,
    public_jwk,
    signed,
)
from tests.component.trading_api.trading_api_bench import ApiBench


def test_keys_rotate_without_a_restart_and_a_broken_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def statuses() -> list[int]:
        headers = ({"Authorization": f"Bearer {token}"} for token in (old_token, new_token))
        return [client.get("/api/v1/complex", headers=one).status_code for one in headers]

    provider = IdentityProvider(tmp_path)
    new = generate_key("EC", "P-256")
    old_token = provider.token()
    new_token = signed({"alg": "ES256", "kid": "key-next"}, json.dumps(claims()).encode(), new, "ES256")
    with ApiBench(tmp_path, tokens=provider.tokens()).client(None) as client:
        before = statuses()

        provider.publish({"next": {**public_jwk("ES256", new), "kid": "key-next"}})
        rotated = statuses()
        provider.keys_file.write_text('{"keys": [')
        broken = statuses()
        provider.keys_file.unlink()
        gone = statuses()
        provider.publish({"ES256": public_jwk("ES256", KEYS["ES256"])})
        back = statuses()

    assert before == [200, 401]
    assert (rotated, broken, gone) == ([401, 200], [401, 200], [401, 200])
    assert back == [200, 401]
    # Once for each state of the file, however many calls came.
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "the token keys stay as they were"
    ] * 2


@pytest.mark.parametrize("name", ["PRIVATE", "SYMMETRIC"])
def test_a_file_with_a_secret_in_it_is_refused_without_repeating_it(tmp_path: Path, name: str) -> None:
    secret = KEYS["ES256"] if name == "PRIVATE" else generate_key("oct", 256)
    jwk = {**secret.as_dict(private=True), "kid": "key"}
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [public_jwk("RS256", KEYS["RS256"]), jwk]}))

    with pytest.raises(BadInput) as refused:
        read_public_keys(file)

    assert (refused.value.field, refused.value.rule) == ("$.keys[1]", "must be a public key")
    assert str(jwk["d" if name == "PRIVATE" else "k"]) not in str(refused.value)


def a_set(*jwks: Any) -> str:
    return json.dumps({"keys": list(jwks)})


ES256_JWK = public_jwk("ES256", KEYS["ES256"])


@pytest.mark.parametrize(
    ("content", "field", "rule"),
    [
        ("", "line 1 column 1", "must be JSON"),
        ('{"keys": [], "keys": []}', "$.keys", "must be given once in its object"),
        ("[]", "$.keys", "must be a list of JSON Web Keys"),
        ('{"keys": {}}', "$.keys", "must be a list of JSON Web Keys"),
        (a_set("key"), "$.keys", "must be a list of JSON Web Keys"),
        (a_set(), "$.keys", "must have a key with kid for RS256, ES256 or Ed25519"),
        (
            a_set(
                {**ES256_JWK, "use": "enc"},
                {**ES256_JWK, "key_ops": ["sign"]},
                {**ES256_JWK, "key_ops": 7},
                {**ES256_JWK, "crv": "P-384", "alg": "ES384"},
                {**public_jwk("RS256", KEYS["RS256"]), "alg": "PS256"},
                {"kty": ["EC"]},
            ),
            "$.keys",
            "must have a key with kid for RS256, ES256 or Ed25519",
        ),
        (a_set({**ES256_JWK, "kid": None}), "$.keys[0].kid", "must be this key's alone"),
        (a_set(ES256_JWK, ES256_JWK), "$.keys[1].kid", "must be this key's alone"),
        (a_set({**ES256_JWK, "x": ES256_JWK["y"]}), "$.keys[0]", "must be a key"),
        (a_set({**ES256_JWK, "x": 7}), "$.keys[0]", "must be a key"),
        (a_set({"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AQAB"}), "$.keys[0]", "must be a key"),
    ],
)
def test_a_file_that_is_no_set_of_public_keys_is_refused(tmp_path: Path, content: str, field: str, rule: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(content)

    with pytest.raises(BadInput) as refused:
        read_public_keys(file)

    assert (refused.value.field, refused.value.rule) == (field, rule)


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(a_set(public_jwk("RS256", generate_key("RSA", 1024))))

    with pytest.raises(BadInput, match=r"\$\.keys\[0\]\.n must have at least 2048 bits, was 1024"):
        read_public_keys(file)


def started_with(folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Start the service as it is started, in an environment with these settings."""
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("SANDAN_", "TRADING_API_"))},
        "SANDAN_DATABASE_URL": f"sqlite:///{folder}",
        "SANDAN_RUN_DIR": str(folder / "run"),
        **{f"TRADING_API_JWT_{name}": text for name, text in settings.items()},
    }
    command = [sys.executable, "-m", "services.trading_api"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_service_does_not_start_on_a_part_of_the_settings(tmp_path: Path) -> None:
    ended = started_with(tmp_path, ISSUER=ISSUER, AUDIENCE="")

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "environment: TRADING_API_JWT_KEYS_FILE must be set beside TRADING_API_JWT_ISSUER, was ''",
        "environment: TRADING_API_JWT_AUDIENCE must be set beside TRADING_API_JWT_ISSUER, was ''",
    ]


def test_the_service_does_not_start_without_the_keys(tmp_path: Path) -> None:
    missing = tmp_path / "no-such.json"
    ended = started_with(tmp_path, ISSUER=ISSUER, AUDIENCE=AUDIENCE, KEYS_FILE=str(missing))

    assert ended.returncode == 2
    assert ended.stderr.strip() == (
        f"environment: TRADING_API_JWT_KEYS_FILE must name a readable file, was '{missing}'"
    )

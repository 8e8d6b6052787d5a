import base64
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import assume, given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey, generate_key
from starlette.testclient import TestClient

from services.trading_api.access.queries import is_revoked, revoke_token
from services.trading_api.access.tables import REVOKED_TOKEN
from services.trading_api.http.state import ApiOptions
from services.trading_api.live import stream
from services.trading_api.log.audit import audit_flaws
from shared.clock import wall_now
from tests.component.trading_api.identity_provider import (
    AUDIENCE,
    ISSUER,
    KEYS,
    MISSING,
    IdentityProvider,
    claims,
    in_s,
    public_jwk,
    signed,
)
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, SECRETS, SEOJIN, ApiBench, an_order

STRANGER_KEY = generate_key("EC", "P-256")
OPERATOR: dict[str, Any] = {"sub": "park", "role": "operator", "participant_id": MISSING}


@pytest.fixture
def provider(tmp_path: Path) -> IdentityProvider:
    return IdentityProvider(tmp_path)


@pytest.fixture
def bench(tmp_path: Path, provider: IdentityProvider) -> ApiBench:
    return ApiBench(tmp_path, tokens=provider.tokens())


@pytest.fixture
def client(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client(None) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status_with(client: TestClient, token: str) -> int:
    return client.get("/api/v1/complex", headers=bearer(token)).status_code


@pytest.mark.parametrize(
    ("key", "headers"),
    [
        ("RS256", {}),
        ("ES256", {}),
        ("Ed25519", {}),
        # Keycloak's name for it.
        ("Ed25519", {"alg": "EdDSA"}),
        ("ES256", {"typ": "at+jwt", "x5t": "thumb", "nonce": "a provider's own"}),
    ],
)
def test_a_factory_trades_with_a_token_of_each_algorithm(
    provider: IdentityProvider, client: TestClient, key: str, headers: dict[str, str]
) -> None:
    entered = client.post(
        "/api/v1/orders", json=an_order(), headers=bearer(provider.token(key=key, headers=headers, aud=AUDIENCE))
    )

    assert entered.status_code == 201
    assert entered.headers["ratelimit-limit"] == "50"


def test_another_participant_s_order_is_not_there(provider: IdentityProvider, client: TestClient) -> None:
    hanbit = bearer(provider.token())
    seojin = bearer(provider.token(sub="lee", participant_id=SEOJIN))
    order_id = client.post("/api/v1/orders", json=an_order(), headers=hanbit).json()["order_id"]

    seen = [client.get(f"/api/v1/orders/{order_id}", headers=whose).status_code for whose in (hanbit, seojin)]
    taken_back = client.delete(f"/api/v1/orders/{order_id}", headers=seojin)

    assert seen == [200, 404]
    assert taken_back.status_code == 404
    assert client.get("/api/v1/orders", headers=seojin).json()["items"] == []


def hs256_with_the_public_key(provider: IdentityProvider) -> str:
    """Return the classic confusion: the public key's text as the secret of a symmetric signature."""
    key = KEYS["RS256"]
    assert isinstance(key, RSAKey)
    signing_input = provider.token(key="RS256", headers={"alg": "HS256"}).rpartition(".")[0]
    signature = hmac.digest(key.as_pem(private=False), signing_input.encode(), "sha256")
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def unsigned(provider: IdentityProvider) -> str:
    head, body, _ = provider.token(headers={"alg": "none"}).split(".")
    return f"{head}.{body}."


def without_signature(provider: IdentityProvider) -> str:
    return provider.token().rpartition(".")[0] + "."


def tampered(provider: IdentityProvider) -> str:
    head, body, signature = provider.token().split(".")
    payload = base64.urlsafe_b64decode(body + "==").replace(HANBIT.encode(), SEOJIN.encode())
    assert SEOJIN.encode() in payload
    return f"{head}.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.{signature}"


def claiming_twice(provider: IdentityProvider) -> str:
    del provider
    # Whichever of the two were believed, all else would be well.
    payload = json.dumps(claims()).replace('"participant_id"', f'"participant_id": "{SEOJIN}", "participant_id"', 1)
    return signed({"alg": "ES256", "kid": "key-ES256"}, payload.encode(), KEYS["ES256"], "ES256")


def with_payload(payload: bytes) -> Callable[[IdentityProvider], str]:
    return lambda _: signed({"alg": "ES256", "kid": "key-ES256"}, payload, KEYS["ES256"], "ES256")


def with_claims(**changes: Any) -> Callable[[IdentityProvider], str]:
    # Made when the test runs, not when it is collected: tokens live by the clock.
    return lambda provider: provider.token(
        **{name: change() if callable(change) else change for name, change in changes.items()}
    )


def with_headers(**headers: Any) -> Callable[[IdentityProvider], str]:
    return lambda provider: provider.token(headers=headers)


REFUSED: dict[str, Callable[[IdentityProvider], str]] = {
    "garbage": lambda _: "x" * 300,
    "garbage in three parts": lambda _: ".".join(["e30" * 50] * 3),
    "a header that is no object": lambda _: signed(["alg", "kid"], b"{}" * 100, KEYS["ES256"], "ES256"),
    "a header nested deep": lambda _: base64.urlsafe_b64encode(b"[" * 2_001).decode() + ".e30.e30",
    "alg none": unsigned,
    "no signature": without_signature,
    "HS256 with the public key": hs256_with_the_public_key,
    "an algorithm that is not taken": with_headers(alg="RS512"),
    "an algorithm of another key": with_headers(alg="RS256"),
    "a list for an algorithm": with_headers(alg=["ES256"]),
    "a stranger's key": lambda _: signed(
        {"alg": "ES256", "kid": "key-ES256"}, json.dumps(claims()).encode(), STRANGER_KEY, "ES256"
    ),
    "an unknown kid": with_headers(kid="key-of-last-year"),
    "no kid": with_headers(kid=None),
    "the kid of another key": with_headers(kid="key-Ed25519"),
    "the kid of a key for encryption": with_headers(kid="for-encryption"),
    "jku": with_headers(jku="https://evil.example/jwks.json"),
    "x5u": with_headers(x5u="https://evil.example/cert.pem"),
    "jwk": with_headers(jwk=public_jwk("ES256", STRANGER_KEY)),
    "crit": with_headers(crit=["exp"]),
    "b64": with_headers(b64=False),
    "a token for something else": with_headers(typ="logout+jwt"),
    "a changed payload": tampered,
    "a claim made twice": claiming_twice,
    "a payload that is no JSON": with_payload(b"not json" * 30),
    "a payload that is no object": with_payload(json.dumps([claims()]).encode()),
    "an endless number": with_payload(json.dumps(claims(exp="N")).replace('"N"', "1e999").encode()),
    "NaN": with_payload(json.dumps(claims(exp="N")).replace('"N"', "NaN").encode()),
    "too many characters": with_claims(note="x" * 4_000),
    "another issuer": with_claims(iss=ISSUER + "/"),
    "another audience": with_claims(aud="account"),
    "no audience at all": with_claims(aud=[]),
    "expired": with_claims(exp=lambda: in_s(-1)),
    "not yet valid": with_claims(nbf=lambda: in_s(120)),
    "issued in the future": with_claims(iat=lambda: in_s(120)),
    "too long-lived": with_claims(iat=lambda: in_s(-5), exp=lambda: in_s(24 * 3_600)),
    "an expiry in words": with_claims(exp="2099-01-01"),
    "an expiry that is true": with_claims(exp=True),
    "an expiry before all time": with_claims(exp=-1),
    "an empty subject": with_claims(sub=""),
    "a subject with a line break": with_claims(sub="kim\npark"),
    "a subject of 256 characters": with_claims(sub="x" * 256),
    "a numeric token id": with_claims(jti=7),
    "an unknown role": with_claims(role="admin"),
    "roles": with_claims(role=["factory"]),
    "a factory without participant": with_claims(participant_id=None),
    "an operator with participant": with_claims(role="operator"),
    "an unknown participant": with_claims(participant_id="nobody"),
    "a stranger complex": with_claims(complex_id="ulsan-demo"),
    **{
        f"no {name}": with_claims(**{name: MISSING})
        for name in ("iss", "aud", "sub", "jti", "iat", "exp", "complex_id", "role", "participant_id")
    },
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[IdentityProvider, TestClient]]:
    """One API for all tokens that leave nothing behind."""
    folder = tmp_path_factory.mktemp("standing")
    provider = IdentityProvider(folder)
    with ApiBench(folder, tokens=provider.tokens()).client(None) as client:
        yield provider, client


@given(place=st.integers(0, 459), character=st.sampled_from("ABQgw09_-.+= e\xe9"), key=st.sampled_from(sorted(KEYS)))
def test_a_token_with_any_one_character_changed_is_refused(
    standing: tuple[IdentityProvider, TestClient], place: int, character: str, key: str
) -> None:
    provider, _ = standing
    tokens, token = provider.tokens(), provider.token(key=key)
    assert tokens.claims_of(token, now=wall_now()) is not None
    # Counted from the end as well, so that the signature's last character has its turn.
    for at in (place, -1 - place):
        changed = list(token)
        changed[at] = character
        assume(changed != list(token))

        assert tokens.claims_of("".join(changed), now=wall_now()) is None


@pytest.mark.parametrize("spoilt", REFUSED)
def test_a_token_is_refused(standing: tuple[IdentityProvider, TestClient], spoilt: str) -> None:
    provider, client = standing
    refused = client.get("/api/v1/complex", headers=bearer(REFUSED[spoilt](provider)))

    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert status_with(client, provider.token()) == 200


def test_the_clocks_of_provider_and_api_may_differ_by_a_minute(provider: IdentityProvider, client: TestClient) -> None:
    assert status_with(client, provider.token(iat=in_s(50), nbf=in_s(50))) == 200
    assert status_with(client, provider.token(iat=in_s(-5) + 0.25, exp=in_s(60) + 0.5)) == 200
    assert status_with(client, provider.token(iat=in_s(-3_600), exp=in_s(-3_600) + 24 * 3_600)) == 200


def test_who_sends_no_token_is_told_no_more_than_what_is_asked_for(client: TestClient) -> None:
    answers = [client.get("/api/v1/complex", headers=headers) for headers in ({}, {"Authorization": "Basic b3A6b3A="})]

    assert [answer.headers["www-authenticate"] for answer in answers] == ["Bearer", "Bearer"]


def test_keys_go_on_and_a_token_is_unknown_where_no_provider_is_trusted(
    tmp_path: Path, provider: IdentityProvider, client: TestClient
) -> None:
    with ApiBench(tmp_path / "without").client(None) as without:
        assert status_with(without, provider.token()) == 401
        assert status_with(without, SECRETS["hanbit"]) == 200
    assert status_with(client, SECRETS["hanbit"]) == 200


def test_the_shortest_token_is_longer_than_any_key(provider: IdentityProvider) -> None:
    # What tells them apart: every claim of one character, and each member there is.
    tiny = claims(iss="i", aud="a", sub="s", jti="j", complex_id="c", role="planner", participant_id=MISSING)
    del tiny["preferred_username"]
    payload = json.dumps(tiny, separators=(",", ":")).encode()

    token = signed({"alg": "ES256", "kid": "k"}, payload, KEYS["ES256"], "ES256")

    assert len(token) > 200
    assert len(provider.token(key="RS256")) < 4_096


def test_an_operator_s_deeds_carry_the_subject(provider: IdentityProvider, client: TestClient, bench: ApiBench) -> None:
    park = bearer(provider.token(**OPERATOR))
    halted = client.post("/api/v1/market/halt", json={"reason": "fire drill"}, headers=park)
    [link] = client.get("/api/v1/audit", headers=park).json()["items"]

    assert halted.status_code == 202
    assert (link["key_id"], link["who"], link["role"]) == ("jwt:park", "park", "operator")
    with bench.engine.connect() as db:
        assert audit_flaws(db, COMPLEX) == []


def test_a_participant_has_one_quota_whatever_token_it_shows(tmp_path: Path, provider: IdentityProvider) -> None:
    bench = ApiBench(tmp_path / "slow", ApiOptions(reads_per_s=2), tokens=provider.tokens())
    with bench.client(None) as client:
        answers = [status_with(client, provider.token(jti=f"token-{number}")) for number in range(20)]
        other = status_with(client, provider.token(**OPERATOR, jti="token-20"))

    assert 429 in answers
    assert other == 200


def test_a_revoked_token_works_no_longer_and_others_of_its_subject_do(
    provider: IdentityProvider, client: TestClient, bench: ApiBench
) -> None:
    lost, other = provider.token(jti="lost"), provider.token(jti="other")
    park = bearer(provider.token(**OPERATOR))
    before = [status_with(client, token) for token in (lost, other)]

    revoked = client.post("/api/v1/revoked-tokens", json={"jti": "lost"}, headers=park)
    again = client.post("/api/v1/revoked-tokens", json={"jti": "lost"}, headers=park)
    after = [status_with(client, token) for token in (lost, other)]

    assert (before, after) == ([200, 200], [401, 200])
    assert (revoked.status_code, again.status_code, revoked.json()["jti"]) == (201, 201, "lost")
    links = client.get("/api/v1/audit", headers=park).json()["items"]
    assert [(link["action"], link["object"], link["who"]) for link in links] == [("token.revoke", "lost", "park")] * 2
    with bench.engine.connect() as db:
        assert audit_flaws(db, COMPLEX) == []


@pytest.mark.parametrize("body", [{}, {"jti": ""}, {"jti": 1}, {"jti": "x" * 256}, {"jti": "a", "sub": "b"}])
def test_a_revocation_names_one_token(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/api/v1/revoked-tokens", json=body, headers=bearer(SECRETS["operator"]))

    assert answer.status_code == 422


def test_a_revocation_concerns_its_complex_and_is_forgotten_when_no_token_of_its_name_can_be_good(
    bench: ApiBench,
) -> None:
    def row(complex_id: str, jti: str, age: timedelta) -> dict[str, Any]:
        revoked_at = wall - age
        forgotten_at = revoked_at + timedelta(hours=24, seconds=60)
        return {"complex_id": complex_id, "jti": jti, "revoked_at": revoked_at, "forgotten_at": forgotten_at}

    wall = wall_now()
    with bench.engine.begin() as db:
        revoke_token(db, row("elsewhere", "one", timedelta()), wall=wall)
        revoke_token(db, row(COMPLEX, "old", timedelta(hours=24, seconds=60)), wall=wall - timedelta(minutes=1))
        revoke_token(db, row(COMPLEX, "young", timedelta(hours=24, seconds=59)), wall=wall - timedelta(minutes=1))
        assert not is_revoked(db, COMPLEX, "one")
        assert is_revoked(db, COMPLEX, "old")
        revoke_token(db, row(COMPLEX, "new", timedelta()), wall=wall)

        assert set(db.scalars(sa.select(REVOKED_TOKEN.c.jti))) == {"one", "young", "new"}


def test_a_stream_ends_with_its_token(
    provider: IdentityProvider, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_EVERY_S", 0.0)

    # The whole answer: it comes to an end, which it would not otherwise.
    answer = client.get("/api/v1/stream", headers=bearer(provider.token(exp=in_s(2))))

    assert (answer.status_code, "event: snapshot" in answer.text) == (200, True)


def test_a_console_session_is_opened_by_a_key_alone(provider: IdentityProvider, client: TestClient) -> None:
    assert client.post("/console/session", json={"key": provider.token()}).status_code == 422


def test_the_document_describes_the_token(client: TestClient) -> None:
    [scheme] = client.get("/openapi.json").json()["components"]["securitySchemes"].values()

    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert all(f"`{name}`" in scheme["description"] for name in ("kid", *claims()) if name != "preferred_username")

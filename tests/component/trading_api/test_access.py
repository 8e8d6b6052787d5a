import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from services.trading_api.access.bootstrap import read_keys_file
from services.trading_api.access.tables import API_KEY
from services.trading_api.http.credentials import COOKIE
from services.trading_api.http.problems import KINDS
from services.trading_api.http.state import ApiOptions
from services.trading_api.log.audit import audit_flaws
from services.trading_api.log.tables import AUDIT
from shared.complex.complexes import load_complexes
from shared.errors import BadInputs
from shared.events.commands import MarketHaltRequested, MarketResumeRequested
from shared.paths import DEMO_COMPLEX
from tests.component.trading_api.identity_provider import IdentityProvider
from tests.component.trading_api.trading_api_bench import COMPLEX, NOON, SECRETS, ApiBench, an_order

OPERATIONS = [
    (method.upper(), re.sub(r"\{(order|study|key|participant)_id\}", "x", path))
    for path, methods in (
        ("/api/v1/orders", ("get", "post", "delete")),
        ("/api/v1/orders/{order_id}", ("get", "patch", "delete")),
        ("/api/v1/blocks", ("post",)),
        ("/api/v1/bidding", ("get", "put")),
        ("/api/v1/auctions", ("get",)),
        ("/api/v1/auctions/2026-05-20T03:30:00Z", ("get",)),
        ("/api/v1/day-ahead", ("get",)),
        ("/api/v1/trades", ("get",)),
        ("/api/v1/statements", ("get",)),
        ("/api/v1/invoices/{month}", ("get",)),
        ("/api/v1/invoices/{month}.csv", ("get",)),
        ("/api/v1/invoices/{month}.pdf", ("get",)),
        ("/api/v1/invoices/{month}/intervals.csv", ("get",)),
        ("/api/v1/certificates", ("get",)),
        ("/api/v1/matching/{period}", ("get",)),
        ("/api/v1/readings", ("get",)),
        ("/api/v1/forecasts", ("get",)),
        ("/api/v1/accuracy", ("get",)),
        ("/api/v1/load-plans", ("get",)),
        ("/api/v1/load-plans/{plan_id}", ("put", "delete")),
        ("/api/v1/schedules", ("get",)),
        ("/api/v1/devices", ("get",)),
        ("/api/v1/batteries", ("get",)),
        ("/api/v1/complex", ("get",)),
        ("/api/v1/clock", ("get", "put")),
        ("/api/v1/overview", ("get",)),
        ("/api/v1/stream", ("get",)),
        ("/api/v1/audit", ("get",)),
        ("/api/v1/report", ("get",)),
        ("/api/v1/report/intervals", ("get",)),
        ("/api/v1/market/halt", ("post",)),
        ("/api/v1/market/resume", ("post",)),
        ("/api/v1/deeds", ("get",)),
        ("/api/v1/deeds/{deed_id}", ("get",)),
        ("/api/v1/market/calendar", ("get", "post")),
        ("/api/v1/limits", ("get", "post")),
        ("/api/v1/participants", ("get",)),
        ("/api/v1/participants/{participant_id}", ("get",)),
        ("/api/v1/participants/{participant_id}/suspend", ("post",)),
        ("/api/v1/participants/{participant_id}/resume", ("post",)),
        ("/api/v1/api-keys", ("get", "post")),
        ("/api/v1/api-keys/{key_id}", ("delete",)),
        ("/api/v1/revoked-tokens", ("post",)),
        ("/api/v1/studies", ("post",)),
        ("/api/v1/studies/{study_id}", ("get", "delete")),
        ("/api/v1/studies/{study_id}/results", ("get",)),
    )
    for method in methods
]
STAFF_ONLY = [
    operation
    for operation in OPERATIONS
    if operation[1].split("/")[3]
    in {"audit", "report", "market", "limits", "participants", "api-keys", "revoked-tokens"}
    and operation != ("GET", "/api/v1/market/calendar")
]


def unsigned_token() -> str:
    """Return a JWT with `alg: none` that claims to be an operator."""
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": "operator", "role": "operator", "complex_id": COMPLEX})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.fixture
def stranger(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client(None) as client:
        yield client


def test_the_list_of_operations_is_the_documented_one(stranger: TestClient) -> None:
    paths = stranger.get("/openapi.json").json()["paths"]

    documented = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    asked = {
        (method, path.replace("/x", "/{id}").replace("2026-05-20T03:30:00Z", "{id}")) for method, path in OPERATIONS
    }
    plain = {
        (
            method,
            re.sub(r"\{((order|study|key|participant)_id|delivery_start)\}", "{id}", path),
        )
        for method, path in documented
        if path.startswith("/api/")
    }
    assert plain == asked


def test_the_document_names_keys_and_problems_and_refers_to_nothing_that_is_not_in_it(stranger: TestClient) -> None:
    document = stranger.get("/openapi.json").json()
    calls = {(path, name): call for path, calls in document["paths"].items() for name, call in calls.items()}

    open_calls = {path for (path, _), call in calls.items() if "security" not in call}
    assert open_calls == {"/health/live", "/health/ready"}
    answers = [call["responses"] for call in calls.values()]
    assert all(list(one["default"]["content"]) == ["application/problem+json"] for one in answers)
    assert {status for one in answers for status in one} == {"200", "201", "202", "503", "default"}
    assert set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(KINDS)
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert referred <= set(document["components"]["schemas"])
    assert {"200", "201"} <= set(document["paths"]["/api/v1/orders"]["post"]["responses"])


def test_a_problem_is_as_the_document_says(bench: ApiBench) -> None:
    with bench.client("hanbit") as hanbit:
        schema = hanbit.get("/openapi.json").json()["components"]["schemas"]["Problem"]
        problems = [
            hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh="9999")).json(),
            hanbit.post("/api/v1/orders", json={}).json(),
            hanbit.get("/api/v1/orders/none").json(),
            hanbit.get("/api/v1/audit").json(),
        ]

    for problem in problems:
        jsonschema.validate(problem, schema)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic b3A6b3A=", f"Bearer {unsigned_token()}"]
)
def test_every_operation_turns_strangers_away_before_it_looks_at_the_body(
    stranger: TestClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}

    answers = {
        operation: stranger.request(
            *operation, headers=headers, content=b"{ no json" if operation[0] == "POST" else None
        )
        for operation in OPERATIONS
    }

    assert {operation: answer.status_code for operation, answer in answers.items()} == dict.fromkeys(OPERATIONS, 401)
    assert {answer.headers["content-type"] for answer in answers.values()} == {"application/problem+json"}


@pytest.mark.parametrize("changes", [{"exp": 1_700_000_000}, {"headers": {"kid": "key-RS256"}}, {"iss": "elsewhere"}])
def test_every_operation_turns_bad_tokens_away_before_it_looks_at_the_body(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    provider = IdentityProvider(tmp_path)
    with ApiBench(tmp_path, tokens=provider.tokens()).client(None) as client:
        headers = {"Authorization": f"Bearer {provider.token(**changes)}"}
        answers = {
            client.request(*operation, headers=headers, content=b"{ no json" if operation[0] == "POST" else None)
            for operation in OPERATIONS
        }

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer error="invalid_token"'}


@pytest.mark.parametrize("who", ["hanbit", "planner"])
def test_staff_s_operations_are_closed_to_others_before_validation(bench: ApiBench, who: str) -> None:
    with bench.client(who) as client:
        answers = [
            client.request(*operation, content=b"{ no json" if operation[0] == "POST" else None)
            for operation in STAFF_ONLY
        ]

    assert [answer.status_code for answer in answers] == [403] * len(STAFF_ONLY)


@pytest.mark.parametrize("who", ["operator", "planner"])
def test_only_a_factory_enters_orders(bench: ApiBench, who: str) -> None:
    with bench.client(who) as client:
        answer = client.post("/api/v1/orders", json=an_order())

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_another_participant_s_order_is_not_there(bench: ApiBench) -> None:
    with bench.client("hanbit") as hanbit, bench.client("seojin") as seojin, bench.client("operator") as operator:
        order_id = hanbit.post("/api/v1/orders", json=an_order()).json()["order_id"]

        seen = [client.get(f"/api/v1/orders/{order_id}").status_code for client in (hanbit, seojin, operator)]
        taken_back = seojin.delete(f"/api/v1/orders/{order_id}")

        assert seen == [200, 404, 200]
        assert taken_back.status_code == 404
        assert seojin.get("/api/v1/orders").json()["items"] == []


def test_a_session_reads_by_cookie_alone_and_writes_only_with_the_console_s_header(
    stranger: TestClient,
) -> None:
    opened = stranger.post("/console/session", json={"key": SECRETS["hanbit"]})

    assert opened.status_code == 204
    assert {"HttpOnly", "SameSite=strict"} <= set(opened.headers["set-cookie"].split("; "))
    assert SECRETS["hanbit"] not in opened.headers["set-cookie"]
    assert stranger.get("/api/v1/orders").status_code == 200
    assert stranger.post("/api/v1/orders", json=an_order()).status_code == 401
    assert stranger.post("/api/v1/orders", json=an_order(), headers={"X-Sandan-Console": "1"}).status_code == 201
    token = stranger.cookies[COOKIE]
    stranger.delete("/console/session")
    assert stranger.get("/api/v1/orders", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 401


def test_a_revoked_key_and_its_sessions_work_no_longer(bench: ApiBench, stranger: TestClient) -> None:
    with bench.client("operator") as operator:
        made = operator.post("/api/v1/api-keys", json={"name": "night shift", "role": "planner"}).json()
        stranger.post("/console/session", json={"key": made["key"]})
        bearer = {"Authorization": f"Bearer {made['key']}"}
        before = [stranger.get("/api/v1/complex", headers=headers).status_code for headers in (bearer, None)]

        operator.delete(f"/api/v1/api-keys/{made['key_id']}")
        after = [stranger.get("/api/v1/complex", headers=headers).status_code for headers in (bearer, None)]

        assert (before, after) == ([200, 200], [401, 401])
        listed = operator.get("/api/v1/api-keys").json()["items"]
        assert made["key"] not in json.dumps(listed)


def test_keys_are_kept_as_hashes_and_a_revoked_one_does_not_come_back_with_a_restart(bench: ApiBench) -> None:
    with bench.engine.connect() as db:
        kept = {row.key_hash for row in db.execute(sa.select(API_KEY))}

    assert len(kept) == len(SECRETS)
    assert not kept & set(SECRETS.values())


def test_a_bad_keys_file_is_refused_entry_by_entry_without_repeating_a_key(tmp_path: Path) -> None:
    secret = "s" * 32
    entries: list[dict[str, Any]] = [
        {"key": secret, "role": "factory", "complex_id": COMPLEX, "participant_id": "nobody", "name": "a"},
        {"key": secret, "role": "operator", "complex_id": "elsewhere", "name": "b"},
        {"key": "short-secret", "role": "planner", "complex_id": COMPLEX, "name": "c"},
    ]
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(entries))

    with pytest.raises(BadInputs) as refused:
        read_keys_file(file, load_complexes([DEMO_COMPLEX]), now=NOON)

    text = str(refused.value)
    assert [problem.field for problem in refused.value.problems] == [
        "$[0].participant_id",
        "$[1].complex_id",
        "$[2].key",
    ]
    assert secret not in text
    assert "short-secret" not in text


def test_the_market_is_halted_and_resumed_by_request_and_both_are_in_an_unbroken_audit_chain(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        halted = operator.post("/api/v1/market/halt", json={"reason": "fire drill"})
        resumed = operator.post("/api/v1/market/resume")
        bench.run()
        links = operator.get("/api/v1/audit").json()["items"]

    assert (halted.status_code, resumed.status_code) == (202, 202)
    assert [wish.reason for wish in bench.published(MarketHaltRequested)] == ["fire drill"]
    assert len(bench.published(MarketResumeRequested)) == 1
    assert [(link["number"], link["who"], link["action"]) for link in links] == [
        (2, "operator", "market.resume"),
        (1, "operator", "market.halt"),
    ]
    with bench.engine.connect() as db:
        assert audit_flaws(db, COMPLEX) == []


def test_a_changed_or_missing_audit_link_is_found(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        for _ in range(3):
            operator.post("/api/v1/market/resume")

    with bench.engine.connect() as db:
        # As someone could who owns the database.
        for (trigger,) in db.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            db.execute(sa.text(f"DROP TRIGGER {trigger}"))
        db.execute(sa.update(AUDIT).where(AUDIT.c.number == 2).values(who="someone else"))
        changed = audit_flaws(db, COMPLEX)
        db.execute(sa.delete(AUDIT).where(AUDIT.c.number == 3))
        cut = audit_flaws(db, COMPLEX)
        db.rollback()

    assert [(flaw.number, flaw.kind) for flaw in changed] == [(2, "changed")]
    assert [(flaw.number, flaw.kind) for flaw in cut] == [(2, "changed"), (3, "missing")]


def test_calls_beyond_the_rate_are_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path, ApiOptions(writes_per_s=1))
    with bench.client("hanbit") as hanbit, bench.client("seojin") as seojin:
        answers = [hanbit.post("/api/v1/orders?dry_run=true", json=an_order()) for _ in range(20)]
        other = seojin.post("/api/v1/orders?dry_run=true", json=an_order())

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert {answer.headers["ratelimit-remaining"] for answer in refused} == {"0"}
    assert answers[0].headers["ratelimit-limit"] == "1"
    assert other.status_code == 200


def test_documentation_pages_are_off_unless_a_setting_turns_them_on(tmp_path: Path, stranger: TestClient) -> None:
    bench = ApiBench(tmp_path / "with-docs", ApiOptions(docs=True))

    assert (stranger.get("/docs").status_code, stranger.get("/redoc").status_code) == (404, 404)
    with TestClient(bench.app()) as client:
        assert client.get("/docs").status_code == 200


def test_the_bus_is_described_beside_the_api(stranger: TestClient) -> None:
    described = stranger.get("/asyncapi.json").json()

    assert described["asyncapi"].startswith("3.")
    assert "market.auctions.v1" in json.dumps(described["channels"])

"""What every call and answer has in common, seen by someone who is not a friend."""

import functools
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from services.trading_api.access.bootstrap import load_keys
from services.trading_api.access.schemas import BootstrapKey
from services.trading_api.console.pages import add_console
from services.trading_api.http.state import ApiOptions
from services.trading_api.roles import Role
from tests.component.trading_api.serving import served
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, SECRETS, ApiBench, an_order

PATHS = (
    "/",
    "/favicon.ico",
    "/static/console.js",
    "/openapi.json",
    "/asyncapi.json",
    "/health/live",
    "/health/ready",
    "/api/v1/orders",
    "/api/v1/overview",
    "/api/v1/market/calendar",
    "/api/v1/orders/none",
    "/api/v1/nothing",
)


@pytest.fixture
def bench(tmp_path: Path) -> ApiBench:
    return ApiBench(tmp_path, ApiOptions(writes_per_s=3, reads_per_s=200))


@pytest.fixture
def visitor(bench: ApiBench) -> Iterator[TestClient]:
    """Yield a client of the API with its console, with an operator's key."""
    app = bench.app(functools.partial(add_console, complexes=bench.complexes))
    headers = {"Authorization": f"Bearer {SECRETS['operator']}"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield client


def another_key(bench: ApiBench, role: Role, participant_id: str | None) -> dict[str, str]:
    """Make one more key and return the header that presents it."""
    key = BootstrapKey(
        key=secrets.token_urlsafe(32), role=role, complex_id=COMPLEX, participant_id=participant_id, name="another"
    )
    load_keys(bench.engine, [key], now=NOON)
    return {"Authorization": f"Bearer {key.key}"}


def test_a_participant_has_one_quota_however_many_keys_it_has(bench: ApiBench, visitor: TestClient) -> None:
    keys = [another_key(bench, Role.FACTORY, HANBIT) for _ in range(4)]
    others = another_key(bench, Role.FACTORY, "seojin-plating")

    orders = [an_order(client_order_id=f"a{number}") for number in range(4)]
    codes = [
        visitor.post("/api/v1/orders", json=order, headers=key).status_code
        for order, key in zip(orders, keys, strict=True)
    ]
    other = visitor.post("/api/v1/orders", json=an_order(), headers=others)

    # Three writing calls a second.
    assert codes == [201, 201, 201, 429]
    assert other.status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/orders/", "/static", "/health/live/", "/openapi.json/"])
def test_no_answer_leads_to_the_host_that_the_caller_named(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path, headers={"Host": "evil.example"}, follow_redirects=False)

    assert answer.status_code == 404
    assert "evil.example" not in f"{answer.headers}{answer.text}"


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_as_get_does_but_without_a_body(visitor: TestClient, path: str) -> None:
    asked, headed = visitor.get(path), visitor.head(path)

    assert headed.status_code == asked.status_code
    assert headed.content == b""
    named = ("content-type", "content-length", "cache-control", "content-security-policy")
    assert [headed.headers.get(name) for name in named] == [asked.headers.get(name) for name in named]


@pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/stream", "/"])
def test_head_ends_on_a_real_connection_too(bench: ApiBench, path: str) -> None:
    with served(bench) as address, httpx.Client(base_url=address, timeout=5) as client:
        headed = client.head(path, headers={"Authorization": f"Bearer {SECRETS['operator']}"})
        again = client.get("/health/live")

    assert (headed.status_code, headed.content, again.json()) == (200, b"", {"live": True})


def test_a_method_that_is_not_offered_is_told_that_head_is(visitor: TestClient) -> None:
    assert visitor.put("/api/v1/orders").headers["Allow"] == "DELETE, GET, HEAD, POST"


@pytest.mark.parametrize("path", PATHS)
def test_caches_keep_no_answer_without_asking_again(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)

    is_file = path == "/" or "etag" in answer.headers
    assert answer.headers.get("Cache-Control") == ("no-cache" if is_file else "no-store")


def test_pages_may_run_and_show_nothing_that_stands_in_the_page_itself(visitor: TestClient) -> None:
    policy = visitor.get("/").headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_document_says_how_readiness_is_denied(visitor: TestClient) -> None:
    answers = visitor.get("/openapi.json").json()["paths"]["/health/ready"]["get"]["responses"]

    assert visitor.get("/health/ready").status_code == 503
    assert answers.keys() >= {"200", "503"}
    schemas = [answers[code]["content"]["application/json"]["schema"] for code in ("200", "503")]
    assert schemas[0] == schemas[1] == {"$ref": "#/components/schemas/Readiness"}

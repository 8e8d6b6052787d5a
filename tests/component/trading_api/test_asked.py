"""A call is asked with what it has and with nothing else: what is mistyped is refused, and nothing is done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.trading_api.http.state import ApiOptions
from shared.events.commands import MarketResumeRequested
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from tests.component.trading_api.trading_api_bench import SECRETS, ApiBench, an_order

NAMES = {
    "order_id": "x",
    "study_id": "x",
    "key_id": "x",
    "participant_id": "hanbit-machining",
    "delivery_start": "2026-05-20T03:30:00Z",
    "month": "2026-05",
    "period": "2026-05",
    "plan_id": "line-1",
    "deed_id": "x",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiBench]:
    bench = ApiBench(Path(tmp_path_factory.mktemp("api")), ApiOptions(reads_per_s=10_000, writes_per_s=10_000))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def hanbit(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("hanbit") as client:
        yield client


@pytest.fixture(scope="module")
def calls(hanbit: TestClient) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the document says of each call, by method and path, but of the stream, whose answer has no end."""
    paths = hanbit.get("/openapi.json").json()["paths"]
    return {
        (method.upper(), path): call
        for path, methods in paths.items()
        for method, call in methods.items()
        if path != "/api/v1/stream"
    }


@pytest.fixture(scope="module")
def stranger(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client(None) as client:
        yield client


def ask(client: TestClient, method: str, path: str, **sent: Any) -> Any:
    """Make a call as somebody who may."""
    answers = [
        client.request(method, path.format(**NAMES), headers={"Authorization": f"Bearer {secret}"}, **sent)
        for secret in SECRETS.values()
    ]
    return next(answer for answer in answers if answer.status_code != 403)


def errors_in(answer: Any) -> list[tuple[str, str, str]]:
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    return [(error["field"], error["rule"], error["value"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    "query",
    [
        *("dryrun=true", "Dry_Run=true", "dry-run=true", "=true", "dry_run=true&x=1"),
        *("dry_run=1", "dry_run=yes", "dry_run=t", "dry_run=", "dry_run", "%64ry_run=true%20"),
        *("dry_run=true&dry_run=false", "dry_run=true&dry_run=true"),
    ],
)
def test_no_order_is_taken_in_where_a_dry_run_is_mistyped(bench: ApiBench, hanbit: TestClient, query: str) -> None:
    order = hanbit.post(f"/api/v1/orders?{query}", json=an_order(client_order_id="mistyped"))
    block = hanbit.post(f"/api/v1/blocks?{query}", json=an_order(client_order_id="b", quantity_kwh=["1"]))
    bench.run()

    assert [answer.status_code for answer in (order, block)] == [422, 422]
    assert hanbit.get("/api/v1/orders").json()["items"] == []
    assert bench.published(OrderSubmitted) == []


@pytest.mark.parametrize("written", ["true", "True", "TRUE"])
def test_a_dry_run_is_asked_for_in_the_words_of_json_or_of_python(hanbit: TestClient, written: str) -> None:
    answer = hanbit.post("/api/v1/orders", params={"dry_run": written}, json=an_order())

    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)


def test_a_mistyped_parameter_is_named_with_those_that_there_are(hanbit: TestClient) -> None:
    mistyped = hanbit.post("/api/v1/orders?dryrun=true", json=an_order())
    unlike = hanbit.get("/api/v1/orders?zzz=7")
    none = hanbit.get("/api/v1/complex?limit=1")
    twice = hanbit.get("/api/v1/trades?limit=1&limit=2")

    assert errors_in(mistyped) == [("query.dryrun", "must be one of dry_run; did you mean dry_run?", "true")]
    assert errors_in(unlike) == [("query.zzz", "must be one of client_order_id, limit, cursor", "7")]
    assert errors_in(none) == [("query.limit", "must be left out; this call has no parameters", "1")]
    assert errors_in(twice) == [("query.limit", "must be given once", "['1', '2']")]


def test_an_address_full_of_names_gets_a_short_answer(hanbit: TestClient) -> None:
    answer = hanbit.get("/api/v1/orders?" + "&".join(f"n{number}" for number in range(5_000)))

    assert len(errors_in(answer)) == 10


def test_each_call_refuses_parameters_that_it_does_not_have_or_gets_twice(
    stranger: TestClient, calls: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert len(calls) > 40
    for (method, path), call in calls.items():
        own = [one["name"] for one in call.get("parameters", ()) if one["in"] == "query"]
        for names in [["limits"], *([name, name] for name in own)]:
            told = errors_in(ask(stranger, method, path, params=[(name, "1") for name in names]))
            assert f"query.{names[0]}" in [field for field, _, _ in told], (method, path)


def test_each_call_refuses_fields_that_its_body_does_not_have(
    stranger: TestClient, calls: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for (method, path), call in calls.items():
        takes_body = "requestBody" in call
        told = errors_in(ask(stranger, method, path, json={"dry_run": True}))
        rules = {rule for field, rule, _ in told if field == "dry_run"}
        expected = "Extra inputs are not permitted" if takes_body else "must be left out; this call takes no body"
        assert rules == {expected}, (method, path)


def test_all_orders_are_not_taken_back_where_one_is_named_in_the_wrong_place(
    bench: ApiBench, hanbit: TestClient
) -> None:
    order_id = hanbit.post("/api/v1/orders", json=an_order(client_order_id="stays")).json()["order_id"]

    by_query = hanbit.delete("/api/v1/orders", params={"client_order_id": "other"})
    by_body = hanbit.request("DELETE", "/api/v1/orders", json={"client_order_id": "other"})
    bench.run()

    assert (by_query.status_code, by_body.status_code) == (422, 422)
    assert bench.published(OrderCancelRequested) == []
    assert hanbit.request("DELETE", f"/api/v1/orders/{order_id}", json={}).status_code == 202


def test_a_list_in_the_body_of_a_call_that_takes_none_is_refused(bench: ApiBench, stranger: TestClient) -> None:
    told = errors_in(ask(stranger, "POST", "/api/v1/market/resume", json=[1]))

    assert told == [("body", "must be left out; this call takes no body", "[1]")]
    assert bench.published(MarketResumeRequested) == []


@pytest.mark.parametrize("limit", ["", "+5", "1_0", " 5", "5.0", "0x5", "1e1", "\u0665", "9" * 400])
def test_a_limit_that_is_no_plain_number_is_refused(hanbit: TestClient, limit: str) -> None:
    [(field, rule, _)] = errors_in(hanbit.get("/api/v1/orders", params={"limit": limit}))

    assert (field, rule) == ("query.limit", "must be a whole number")


def test_signing_in_and_out_takes_no_parameters(stranger: TestClient) -> None:
    opened = stranger.post("/console/session?key=x", json={"key": SECRETS["hanbit"]})
    closed = stranger.delete("/console/session?all=true")

    assert [errors_in(answer)[0][0] for answer in (opened, closed)] == ["query.key", "query.all"]
    assert "set-cookie" not in opened.headers

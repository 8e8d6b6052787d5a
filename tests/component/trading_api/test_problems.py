from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.trading_api.http.state import ApiOptions
from shared.db import messaging
from shared.events.base import Envelope, named_id
from shared.events.commands import MarketHaltRequested
from shared.events.orders import OrderSubmitted
from tests.component.trading_api.test_orders import an_auction
from tests.component.trading_api.trading_api_bench import COMPLEX, NOON, ApiBench, an_order

HEADERS = {"Content-Type": "application/json"}
ORDER = (
    '{"client_order_id":"a","delivery_start":"2026-05-20T03:30:00Z","side":"buy",'
    '"price_krw_per_kwh":%s,"quantity_kwh":%s}'
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> ApiBench:
    return ApiBench(tmp_path_factory.mktemp("api"), ApiOptions(writes_per_s=10_000))


@pytest.fixture(scope="module")
def hanbit(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("hanbit") as client:
        yield client


HOSTILE = {
    "no json": b"{ no json",
    "no utf-8": b'{"side": "\xff"}',
    "NaN": (ORDER % ("NaN", "1")).encode(),
    "infinity": (ORDER % ("-Infinity", "1")).encode(),
    "1e999": (ORDER % ("1e999", "1")).encode(),
    "1e999999999": (ORDER % ("1e999999999", "1")).encode(),
    "1e-999999999": (ORDER % ("1", "1e-999999999")).encode(),
    "400 digits": (ORDER % ("9" * 400, "1")).encode(),
    "5000 digits": (ORDER % ("9" * 5000, "1")).encode(),
    "400 digits as text": (ORDER % ('"' + "9" * 400 + '"', "1")).encode(),
    "NaN as text": (ORDER % ('"NaN"', "1")).encode(),
    "other digits": (ORDER % ('"١٢"', "1")).encode(),
    "lone surrogate": b'{"client_order_id":"\\ud800"}',
    "NUL": b'{"client_order_id":"\\u0000"}',
    "lone surrogate in a name": b'{"\\udfff":1}',
    "deep list": b"[" * 30_000 + b"]" * 30_000,
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a name twice": b'{"side":"buy","side":"sell"}',
    "a list": b"[]",
    "null": b"null",
    "text": b'"order"',
    "true for a price": (ORDER % ("true", "1")).encode(),
    "too many decimals": (ORDER % ("100.001", "1")).encode(),
    "too many decimals, hardly": (ORDER % ("100.0000000000000000001", "1")).encode(),
    "too fine a quantity": (ORDER % ("100", "0.0001")).encode(),
    "no quantity": (ORDER % ("100", "0")).encode(),
    "a negative quantity": (ORDER % ("100", "-1")).encode(),
    "beyond the price limit": (ORDER % ("500.01", "1")).encode(),
    "below the price limit": (ORDER % ("-0.01", "1")).encode(),
    "beyond the size limit": (ORDER % ("100", "2000.001")).encode(),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_the_caller_s_fault_and_the_server_lives(hanbit: TestClient, body: bytes) -> None:
    answer = hanbit.post("/api/v1/orders", content=body, headers=HEADERS)

    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].startswith("urn:sandan:problem:")
    assert not any(word in answer.text for word in ("Traceback", "sqlite", "SELECT", "/site-packages/"))
    assert hanbit.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"delivery_start": "2026-05-20T03:31:00Z"},
        {"delivery_start": "2026-05-20T03:30:00"},
        {"delivery_start": 1_779_000_000},
        {"delivery_start": "0001-01-01T00:00:00+14:00"},
        {"delivery_start": "9999-12-31T23:45:00-14:00"},
        {"delivery_start": "soon"},
        {"side": "hold"},
        {"side": None},
        {"client_order_id": ""},
        {"client_order_id": "x" * 65},
        {"client_order_id": "a b"},
        {"client_order_id": 7},
        {"participant_id": "seojin-plating"},
    ],
    ids=str,
)
def test_a_field_that_breaks_a_rule_is_named_with_its_value(hanbit: TestClient, changes: dict[str, Any]) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order(**changes))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == list(changes)


def test_a_price_beyond_its_limit_is_told_with_rule_limit_and_value(hanbit: TestClient) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh="500.01"))

    assert answer.json()["errors"] == [
        {"field": "price_krw_per_kwh", "rule": "must be at most 500.00 KRW/kWh", "limit": "500.00", "value": "500.01"}
    ]


def test_the_sentence_is_in_the_caller_s_language_and_the_type_is_not(hanbit: TestClient) -> None:
    asked = {"ko-KR,ko;q=0.9,en;q=0.5": "ko", "en-US": "en", "de, ko;q=0.3": "ko", "": "en", "ko;q=x": "en"}
    asked |= {"en; q=0.5, ko; q=0.9": "ko", "KO ;q=0.4": "ko", "ko;q=0": "en", "ko;level=1;q=0.2,en;q=0.1": "ko"}

    answers = {header: hanbit.get("/api/v1/orders/none", headers={"Accept-Language": header}) for header in asked}

    assert {header: answer.headers["content-language"] for header, answer in answers.items()} == asked
    assert {answer.json()["type"] for answer in answers.values()} == {"urn:sandan:problem:not-found"}
    assert answers["en-US"].json()["detail"] == "There is nothing here."
    assert answers["de, ko;q=0.3"].json()["detail"] == "찾을 수 없습니다."


DAYS = ("0001-01-01", "9999-12-31", "1999-12-31", "2026-02-30", "20260520", "2026-05-20T00:00:00", "2026-W21-3", "1")


@pytest.mark.parametrize("day", DAYS)
def test_a_day_that_is_none_of_the_markets_is_refused_everywhere(bench: ApiBench, day: str) -> None:
    with bench.client("operator") as operator:
        answers = [
            operator.get(f"/api/v1/{path}", params={"day": day})
            for path in ("report", "overview", "batteries", "certificates")
        ]
        study = operator.post("/api/v1/studies", json={"trading_day": day})
        matching = operator.get(f"/api/v1/matching/{day}")

    assert [(answer.status_code, answer.json()["errors"][0]["field"]) for answer in answers] == [(422, "query.day")] * 4
    assert (study.status_code, study.json()["errors"][0]["field"]) == (422, "trading_day")
    assert matching.status_code == 422


def test_a_call_without_a_body_takes_none(bench: ApiBench) -> None:
    bodies: list[object] = [{}, {"reason": "paid"}, []]
    with bench.client("operator") as operator:
        for path in ("market/resume", "participants/hanbit-machining/resume"):
            said = [operator.post(f"/api/v1/{path}", json=body).status_code for body in bodies]
            assert said == [202, 422, 422]


def test_what_a_path_does_not_offer_is_answered_with_what_it_does(hanbit: TestClient) -> None:
    answers = {path: hanbit.put(f"/api/v1/{path}", json={}) for path in ("orders", "orders/x", "trades")}

    assert {answer.status_code for answer in answers.values()} == {405}
    assert {path: answer.headers["allow"] for path, answer in answers.items()} == {
        "orders": "DELETE, GET, HEAD, POST",
        "orders/x": "DELETE, GET, HEAD, PATCH",
        "trades": "GET, HEAD",
    }


def test_a_body_beyond_the_limit_is_refused_declared_or_not(hanbit: TestClient) -> None:
    large = b'{"client_order_id":"' + b"x" * 65_536 + b'"}'

    declared = hanbit.post("/api/v1/orders", content=large, headers=HEADERS)
    streamed = hanbit.post("/api/v1/orders", content=iter([large[:40_000], large[40_000:]]), headers=HEADERS)

    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert declared.json()["limit_bytes"] == 65_536


def test_a_session_s_body_is_bounded_too(bench: ApiBench) -> None:
    with bench.client(None) as stranger:
        answer = stranger.post("/console/session", content=b"x" * 70_000, headers=HEADERS)

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=W10", "cursor=WyJ0cmFkZXMiLDEsMl0", "cursor=" + "A" * 501],
)
def test_a_bad_query_is_refused(hanbit: TestClient, query: str) -> None:
    answer = hanbit.get(f"/api/v1/orders?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_problem_s_status_is_the_number_of_its_answer_whatever_went_wrong(
    bench: ApiBench, hanbit: TestClient
) -> None:
    ended = hanbit.post("/api/v1/orders", json=an_order(client_order_id="ended")).json()["order_id"]
    bench.give(an_auction(ended, filled_wh=12_345))
    with bench.client("operator") as operator, bench.client(None) as stranger:
        study_id = operator.post("/api/v1/studies", json={"trading_day": "2026-05-20"}).json()["study_id"]
        answers = {
            "ended": hanbit.delete(f"/api/v1/orders/{ended}"),
            "amended too late": hanbit.patch(f"/api/v1/orders/{ended}", json={"quantity_kwh": "1"}),
            "unfinished": operator.get(f"/api/v1/studies/{study_id}/results"),
            "reused": hanbit.post("/api/v1/orders", json=an_order(client_order_id="ended", side="sell")),
            "closed": hanbit.post("/api/v1/orders", json=an_order(delivery_start="2026-05-20T03:00:00Z")),
            "beyond a limit": hanbit.post("/api/v1/orders", json=an_order(quantity_kwh="2000.001")),
            "no day-ahead": hanbit.post("/api/v1/blocks", json=an_order(quantity_kwh=["1"])),
            "forbidden": hanbit.get("/api/v1/audit"),
            "unauthorized": stranger.get("/api/v1/audit"),
            "not there": hanbit.get("/api/v1/orders/none"),
            "no such path": hanbit.get("/api/v1/none"),
            "no such file": hanbit.get("/static/none.js"),
            "method": hanbit.put("/api/v1/orders", json={}),
            "no json": hanbit.post("/api/v1/orders", content=b"{", headers=HEADERS),
            "too large": hanbit.post("/api/v1/orders", content=b" " * 70_000, headers=HEADERS),
            "a field": hanbit.post("/api/v1/orders", json={}),
            "a parameter": hanbit.get("/api/v1/orders?limit=0"),
        }

    problems = {name: answer.json() for name, answer in answers.items()}
    assert {name: problem["status"] for name, problem in problems.items()} == {
        name: answer.status_code for name, answer in answers.items()
    }
    assert {answer.status_code for answer in answers.values()} == {400, 401, 403, 404, 405, 409, 413, 422}
    assert (problems["ended"]["order_status"], problems["unfinished"]["study_status"]) == ("filled", "requested")


def test_what_is_not_offered_is_a_problem_as_well(hanbit: TestClient) -> None:
    answers = [hanbit.get("/api/v1/nothing"), hanbit.put("/api/v1/orders"), hanbit.post("/api/v1/orders")]

    assert [answer.status_code for answer in answers] == [404, 405, 422]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


def test_a_database_that_is_away_is_503_and_acknowledges_nothing(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path)
    with bench.client("hanbit") as hanbit:
        _forget_waiting(bench)
        # Someone holds the write lock and does not let go.
        with bench.engine.begin():
            answer = hanbit.post("/api/v1/orders", json=an_order())
        bench.run()

        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "2"
        assert bench.published(OrderSubmitted) == []


def test_whoever_has_no_key_is_sent_away_while_somebody_else_writes(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path)
    with bench.client("hanbit") as client:
        _forget_waiting(bench)
        with bench.engine.begin():
            answer = client.post("/console/session", json={"key": "a guess"})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def _forget_waiting(bench: ApiBench) -> None:
    """Let a locked database fail at once instead of after ten seconds."""

    def at_once(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA busy_timeout=0")

    sa.event.listen(bench.engine, "connect", at_once)
    bench.engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*an_order(), "x"]), inner, max_size=5)
        ),
        max_leaves=8,
    )
)
def test_whatever_json_comes_the_answer_is_a_problem_or_an_order(hanbit: TestClient, body: Any) -> None:
    answer = (
        hanbit.post("/api/v1/orders", json=body)
        if _is_json(body)
        else hanbit.post("/api/v1/orders", content=repr(body))
    )

    assert answer.status_code < 500


def _is_json(body: Any) -> bool:
    return "nan" not in repr(body) and "inf" not in repr(body)


def test_a_request_that_would_lead_to_an_event_too_large_for_the_bus_is_refused_and_writes_nothing(
    bench: ApiBench,
) -> None:
    def halt_at_length() -> None:
        wish = MarketHaltRequested(complex_id=COMPLEX, requested_at=NOON, operator="o", reason="x" * 1_000_000)
        envelope = Envelope(event_id=named_id("long"), occurred_at=NOON, source="trading_api", event=wish)
        with bench.engine.begin() as db:
            messaging.emit(db, "trading_api", [envelope])

    app = bench.app(lambda app: app.add_api_route("/long", halt_at_length, methods=["POST"]))
    with TestClient(app, raise_server_exceptions=False) as client:
        english, korean = (client.post("/long", headers={"Accept-Language": tag}) for tag in ("en", "ko"))
    with bench.engine.connect() as db:
        left = messaging.waiting(db, [named_id("long")])

    problem = english.json()
    assert (english.status_code, problem["code"]) == (422, "event_too_large")
    assert problem["detail"] == "What you ask for is too large to be passed on; see errors."
    assert korean.json()["detail"].startswith("요청한 내용이 너무 커서")
    [fault] = problem["errors"]
    assert (fault["limit"], fault["rule"]) == ("1000000", "must fit into a message of 1000000 bytes")
    # Key "changwon-demo" 13 and again as the subject; names of headers 64; what else they say: 3 + 36 + 19
    # ("/sandan/trading_api") + 29 ("sandan.MarketHaltRequested.v1") + 25 + 16; the body without its reason: 95.
    assert fault["value"] == "1000313 bytes as sandan.MarketHaltRequested.v1"
    assert left == set()

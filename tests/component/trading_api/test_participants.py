"""Who takes part, as the operator sees it, and what a suspension is to the callers."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.trading_api.log.stream import stream_after
from services.trading_api.roles import audience_of
from shared.complex.model import load_complex
from shared.events.commands import ParticipantResumeRequested, ParticipantSuspendRequested
from shared.events.market import (
    CalendarChanged,
    LimitsChanged,
    MarketHalted,
    MarketResumed,
    OrderCancelled,
    ParticipantResumed,
    ParticipantSuspended,
)
from shared.events.orders import OrderAmendRequested, OrderSubmitted
from shared.events.records import Calendar
from shared.paths import DEMO_COMPLEX
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, SEOJIN, ApiBench, an_order

SUSPEND = f"/api/v1/participants/{HANBIT}/suspend"
RESUME = f"/api/v1/participants/{HANBIT}/resume"
NO_DEPOSIT = {"reason": "no deposit"}


def suspend(bench: ApiBench, participant_id: str = HANBIT) -> None:
    """Let the market say that it has suspended a participant."""
    facts = {"suspended_at": NOON, "reason": "no deposit", "operator": "operator"}
    bench.give(ParticipantSuspended(complex_id=COMPLEX, participant_id=participant_id, **facts))


def one(client: TestClient, participant_id: str = HANBIT) -> dict[str, Any]:
    answer = client.get(f"/api/v1/participants/{participant_id}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_operator_lists_who_takes_part_page_by_page(operator: TestClient) -> None:
    expected = sorted(load_complex(DEMO_COMPLEX).by_participant)
    listed: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": "5"} if cursor is None else {"limit": "5", "cursor": cursor}
        page = operator.get("/api/v1/participants", params=query).json()
        listed += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert [member["participant_id"] for member in listed] == expected
    assert operator.get("/api/v1/participants").json() == {"items": listed, "next_cursor": None}
    hanbit = next(member for member in listed if member["participant_id"] == HANBIT)
    assert (hanbit["name"]["en"], hanbit["feeder_id"], hanbit["bidding"]) == ("Hanbit Machining", "F1", "automatic")
    assert (hanbit["contract"]["tariff_class"], hanbit["contract"]["option"]) == ("industrial_eul", "II")
    assert [len(hanbit[kind]) for kind in ("pv", "ess")] == [1, 1]
    assert (hanbit["may_trade"], hanbit["refusals"], hanbit["suspension"], hanbit["limits"]) == (True, [], None, None)


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WyJwYXJ0aWNpcGFudHMiXQ", "WyJrZXlzIiwgImEiXQ", "é", "MQ"])
def test_a_cursor_of_another_list_is_refused(operator: TestClient, cursor: str) -> None:
    answer = operator.get("/api/v1/participants", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.cursor")


@pytest.mark.parametrize("call", ["GET ", "POST suspend", "POST resume"])
def test_a_stranger_and_another_complexs_participant_are_not_there(operator: TestClient, call: str) -> None:
    method, _, deed = call.partition(" ")
    for name in ("stranger", "pohang-steel", "%00", "a" * 300):
        path = f"/api/v1/participants/{name}/{deed}".rstrip("/")
        answer = operator.request(method, path, json=NO_DEPOSIT if deed == "suspend" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert operator.get("/api/v1/audit").json()["items"] == []


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": " "}, {"reason": 1}, {"reason": "x" * 201}, {**NO_DEPOSIT, "until": "2027"}]
)
def test_a_suspension_needs_a_reason_and_nothing_else(
    bench: ApiBench, operator: TestClient, body: dict[str, object]
) -> None:
    answer = operator.post(SUSPEND, json=body)
    bench.run()

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert bench.published(ParticipantSuspendRequested) == []


def test_a_participant_is_suspended_and_let_trade_again_by_request_with_audit_entries(
    bench: ApiBench, operator: TestClient
) -> None:
    asked = operator.post(SUSPEND, json=NO_DEPOSIT)
    bench.clock.advance(timedelta(minutes=1))
    back = operator.post(RESUME)
    bench.run()

    assert (asked.status_code, asked.json()["requested_at"]) == (202, "2026-05-20T03:00:00Z")
    assert (back.status_code, back.json()["requested_at"]) == (202, "2026-05-20T03:01:00Z")
    [wish] = bench.published(ParticipantSuspendRequested)
    assert (wish.participant_id, wish.reason, wish.operator, wish.requested_at) == (
        HANBIT,
        "no deposit",
        "operator",
        NOON,
    )
    [second] = bench.published(ParticipantResumeRequested)
    assert (second.participant_id, second.requested_at) == (HANBIT, NOON + timedelta(minutes=1))
    links = operator.get("/api/v1/audit").json()["items"]
    assert [(link["action"], link["object"], link["result"]) for link in links] == [
        ("participant.resume", HANBIT, "requested"),
        ("participant.suspend", HANBIT, "requested: no deposit"),
    ]
    # What has been asked is not yet so: the market has not answered.
    assert one(operator)["may_trade"] is True


def test_a_suspended_participant_enters_and_amends_nothing_and_the_problem_says_why(
    bench: ApiBench, hanbit: TestClient
) -> None:
    order_id = hanbit.post("/api/v1/orders", json=an_order()).json()["order_id"]
    suspend(bench)
    refused = {
        "order": hanbit.post("/api/v1/orders", json=an_order(client_order_id="b")),
        "dry run": hanbit.post("/api/v1/orders?dry_run=true", json=an_order(client_order_id="b")),
        "amendment": hanbit.patch(f"/api/v1/orders/{order_id}", json={"quantity_kwh": "1"}),
    }
    bench.run()

    for answer in refused.values():
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        problem = answer.json()
        assert problem["type"] == "urn:sandan:problem:participant-suspended"
        assert (problem["since"], problem["reason"]) == ("2026-05-20T03:00:00Z", "no deposit")
    assert len(bench.published(OrderSubmitted)) == 1
    assert bench.published(OrderAmendRequested) == []
    # The same order again is still the same order, and may be taken back.
    assert hanbit.post("/api/v1/orders", json=an_order()).status_code == 200
    assert hanbit.delete(f"/api/v1/orders/{order_id}").status_code == 202
    korean = hanbit.post("/api/v1/orders", json=an_order(client_order_id="c"), headers={"Accept-Language": "ko"})
    assert korean.json()["detail"] == "2026-05-20 12:00(한국 시각)부터 거래 참여가 정지되었습니다: no deposit"


def test_a_cancelled_order_says_that_its_participant_was_suspended(bench: ApiBench, hanbit: TestClient) -> None:
    order_id = hanbit.post("/api/v1/orders", json=an_order()).json()["order_id"]
    bench.run()
    place = {"complex_id": COMPLEX, "order_id": order_id, "participant_id": HANBIT, "delivery_start": NOON}
    bench.give(OrderCancelled(**place, reason="suspended"))

    order = hanbit.get(f"/api/v1/orders/{order_id}").json()

    assert (order["status"], order["reason"]) == ("cancelled", "suspended")
    assert order["why"] == {
        "ko": "거래 참여가 정지되어 주문이 취소되었습니다.",
        "en": "The order was cancelled, since your participation was suspended.",
    }


def test_the_others_trade_on_and_the_suspended_one_again_once_the_market_says_so(
    bench: ApiBench, hanbit: TestClient
) -> None:
    suspend(bench)
    with bench.client("seojin") as seojin:
        assert seojin.post("/api/v1/orders", json=an_order()).status_code == 201

    bench.give(ParticipantResumed(complex_id=COMPLEX, participant_id=HANBIT, resumed_at=NOON, operator="operator"))

    assert hanbit.post("/api/v1/orders", json=an_order()).status_code == 201


def test_a_participant_shows_why_it_may_not_trade_its_limits_and_its_keys(
    bench: ApiBench, operator: TestClient
) -> None:
    suspend(bench)
    bench.give(MarketHalted(complex_id=COMPLEX, halted_at=NOON, reason="drill", operator="kim"))
    limits = {"open_orders_max": 5, "credit_krw_max": 900, "changed_at": NOON, "operator": "kim"}
    bench.give(LimitsChanged(complex_id=COMPLEX, participant_id=HANBIT, **limits))
    calendar = Calendar(
        effective_from=NOON,
        gate_closure_lead_s=900,
        price_jeon_per_kwh_min=0,
        price_jeon_per_kwh_max=50_000,
        order_quantity_wh_max=1_000,
        traders=(SEOJIN,),
    )
    facts = {"complex_id": COMPLEX, "calendar_version": 1, "requested_at": NOON, "operator": "kim"}
    bench.give(CalendarChanged(**facts, calendar=calendar))
    key = operator.post("/api/v1/api-keys", json={"name": "2nd", "role": "factory", "participant_id": HANBIT}).json()

    shown = one(operator)

    assert (shown["may_trade"], shown["refusals"]) == (False, ["suspended", "market_halted", "may_not_trade"])
    assert shown["suspension"] == {
        "participant_id": HANBIT,
        "since": "2026-05-20T03:00:00Z",
        "reason": "no deposit",
    }
    assert (shown["limits"]["open_orders_max"], shown["limits"]["credit_limit_krw"]) == (5, 900)
    assert shown["live_api_keys"] == 2
    assert one(operator, SEOJIN)["refusals"] == ["market_halted"]
    operator.delete(f"/api/v1/api-keys/{key['key_id']}")
    bench.give(MarketResumed(complex_id=COMPLEX, resumed_at=NOON, operator="kim"))
    assert (one(operator)["live_api_keys"], one(operator, SEOJIN)["may_trade"]) == (1, True)


def test_a_suspension_shows_to_staff_and_the_participant_alone(bench: ApiBench) -> None:
    suspend(bench)

    seen = {}
    for who in ("hanbit", "seojin", "operator"):
        with bench.client(who) as client:
            seen[who] = [one["participant_id"] for one in client.get("/api/v1/overview").json()["suspensions"]]

    assert seen == {"hanbit": [HANBIT], "seojin": [], "operator": [HANBIT]}
    with bench.engine.connect() as db:
        [told] = stream_after(db, COMPLEX, 0)
    assert (told["kind"], told["audience"]) == ("participant", audience_of(HANBIT))
    assert (told["payload"]["suspended"], told["payload"]["reason"]) == (True, "no deposit")

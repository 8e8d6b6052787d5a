"""Automatic bidding: whose it is, and the operator, see and switch it; the answer says from when."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.events.commands import BiddingChanged
from tests.component.trading_api.trading_api_bench import HANBIT, NOON, ApiBench

PATH = "/api/v1/bidding"


def stated(bench: ApiBench) -> list[BiddingChanged]:
    bench.run()
    return bench.published(BiddingChanged)


def test_until_somebody_says_otherwise_the_complex_file_holds(hanbit: TestClient) -> None:
    assert hanbit.get(PATH).json() == {
        "participant_id": HANBIT,
        "mode": "automatic",
        "is_bidding": True,
        "buy_share": 0.85,
        "sell_share": 0.15,
        "kwh_per_day_max": None,
        "krw_per_day_max": None,
        "paused_until": None,
        "version": 0,
        "effective_from": None,
        "stated_at": None,
        "stated_by": "complex file",
    }


def test_a_factory_switches_it_off_from_the_next_open_gate_on(bench: ApiBench, hanbit: TestClient) -> None:
    answer = hanbit.put(PATH, json={"mode": "off"})

    assert answer.status_code == 200
    # Gates close 15 minutes ahead: at noon that of 12:15 is closed, that of 12:30 is open.
    assert answer.json()["effective_from"] == "2026-05-20T03:30:00Z"
    assert (answer.json()["mode"], answer.json()["version"]) == ("off", 1)
    assert hanbit.get(PATH).json() == answer.json()
    [event] = stated(bench)
    assert (event.participant_id, event.mode, event.effective_from) == (HANBIT, "off", NOON + timedelta(minutes=30))


def test_a_gate_that_closes_within_the_minute_is_left_as_it_is(bench: ApiBench, hanbit: TestClient) -> None:
    bench.clock.instant = NOON + timedelta(minutes=14, seconds=30)

    assert hanbit.put(PATH, json={"mode": "off"}).json()["effective_from"] == "2026-05-20T03:45:00Z"


def test_what_holds_already_is_not_stated_again(bench: ApiBench, hanbit: TestClient) -> None:
    wanted = {"mode": "automatic", "kwh_per_day_max": "1500.5", "krw_per_day_max": 90_000, "sell_share": 0.25}
    first = hanbit.put(PATH, json=wanted)
    bench.clock.instant = NOON + timedelta(hours=1)

    again = hanbit.put(PATH, json=wanted)

    assert again.json() == first.json()
    [event] = stated(bench)
    assert (event.wh_per_day_max, event.krw_per_day_max) == (1_500_500, 90_000)
    assert (event.buy_share_permille, event.sell_share_permille) == (850, 250)


def test_an_operator_says_whose_and_it_is_audited(bench: ApiBench, operator: TestClient) -> None:
    answer = operator.put(f"{PATH}?participant_id={HANBIT}", json={"mode": "off"})

    assert answer.json()["participant_id"] == HANBIT
    assert operator.get(f"{PATH}?participant_id={HANBIT}").json() == answer.json()
    newest = operator.get("/api/v1/audit?limit=1").json()["items"][0]
    assert (newest["action"], newest["object"]) == ("bidding.change", HANBIT)
    assert len(stated(bench)) == 1


@pytest.mark.parametrize(
    ("wanted", "field", "rule"),
    [
        ({}, "mode", "Field required"),
        ({"mode": "manual"}, "mode", "Input should be 'automatic' or 'off'"),
        ({"mode": "off", "buy_share": 1.5}, "buy_share", "Input should be less than or equal to 1"),
        ({"mode": "off", "buy_share": 0.1234}, "buy_share", "must have at most 3 decimals"),
        ({"mode": "off", "kwh_per_day_max": "0"}, "kwh_per_day_max", "must be > 0 kWh"),
        ({"mode": "off", "krw_per_day_max": -1}, "krw_per_day_max", "Input should be greater than or equal to 0"),
        ({"mode": "off", "paused_until": "tomorrow"}, "paused_until", "must be an instant like 2026-05-20T03:00:00Z"),
        ({"mode": "off", "until": None}, "until", "Extra inputs are not permitted"),
    ],
)
def test_what_breaks_a_rule_changes_nothing(
    bench: ApiBench, hanbit: TestClient, wanted: dict[str, Any], field: str, rule: str
) -> None:
    answer = hanbit.put(PATH, json=wanted)

    assert answer.status_code == 422
    assert [(error["field"], error["rule"]) for error in answer.json()["errors"]] == [(field, rule)]
    assert stated(bench) == []


def test_an_operator_who_says_nobody_is_asked_and_anothers_is_not_there(
    hanbit: TestClient, operator: TestClient
) -> None:
    assert operator.put(PATH, json={"mode": "off"}).status_code == 422
    assert operator.put(f"{PATH}?participant_id=nobody", json={"mode": "off"}).status_code == 404
    assert hanbit.put(f"{PATH}?participant_id=seojin-heattreat", json={"mode": "off"}).status_code == 404
    assert hanbit.get(f"{PATH}?participant_id=seojin-heattreat").status_code == 404

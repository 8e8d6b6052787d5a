"""What of a device counts as of now, as software that reads the API sees it."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.events.fems import DeviceObserved, MeterKind
from tests.component.trading_api.serving import served
from tests.component.trading_api.test_stream import listening
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, ApiBench

# hanbit's roof has an inverter of 1,000 kW, its battery 1,000 kWh at 250 kW, its contract 1,000 kW.
ROOF, BATTERY, GRID = "hanbit-roof", "hanbit-ess", f"{HANBIT}.grid"
KINDS = {ROOF: MeterKind.PV, BATTERY: MeterKind.ESS, GRID: MeterKind.GRID}
WHERE = {"/api/v1/devices": "items", "/api/v1/overview": "devices"}


def a_state(device_id: str, **changes: Any) -> DeviceObserved:
    facts = {"observed_at": NOON, "import_w": 0, "export_w": 0, "reachable": True}
    return DeviceObserved(
        complex_id=COMPLEX, device_id=device_id, participant_id=HANBIT, meter_kind=KINDS[device_id], **facts | changes
    )


def seen(client: TestClient) -> dict[str, Any]:
    """Return the one device there is, which all roads show alike."""
    shown = [client.get(path).json()[place] for path, place in WHERE.items()]
    [[device], [same]] = shown
    assert device == same
    assert isinstance(device, dict)
    return device


def test_a_device_that_answers_sensibly_counts(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_state(ROOF, export_w=480_000))

    device = seen(operator)

    assert (device.get("stale"), device["flags"], device.get("heard_at")) == (False, [], "2026-05-20T03:00:00Z")


def test_a_device_that_does_not_answer_is_stale_and_keeps_the_instant_at_which_it_did(
    bench: ApiBench, operator: TestClient
) -> None:
    bench.give(a_state(ROOF, export_w=480_000))
    bench.clock.instant = NOON + timedelta(minutes=1)
    bench.give(a_state(ROOF, export_w=480_000, observed_at=bench.clock.now(), reachable=False))

    device = seen(operator)

    assert (device.get("stale"), device.get("heard_at")) == (True, "2026-05-20T03:00:00Z")
    assert device["observed_at"] == "2026-05-20T03:01:00Z"


def test_states_that_arrive_together_leave_the_newest_and_when_the_device_last_answered(
    bench: ApiBench, operator: TestClient
) -> None:
    bench.clock.instant = NOON + timedelta(minutes=1)
    minutes = [NOON + timedelta(seconds=20 * number) for number in range(3)]
    states = [a_state(ROOF, export_w=1_000 * number, observed_at=at) for number, at in enumerate(minutes)]
    silent = a_state(ROOF, observed_at=bench.clock.now(), reachable=False)

    bench.give(silent, *states)

    device = seen(operator)
    assert (device.get("stale"), device["observed_at"]) == (True, "2026-05-20T03:01:00Z")
    assert device.get("heard_at") == "2026-05-20T03:00:40Z"


def test_a_device_of_which_nobody_speaks_goes_stale_by_itself(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_state(GRID, import_w=300_000))

    # The demo's devices are asked every 30 s; three times in a row may be missed.
    bench.clock.instant = NOON + timedelta(seconds=90)
    before = seen(operator).get("stale")
    bench.clock.instant = NOON + timedelta(seconds=91)

    assert (before, seen(operator).get("stale")) == (False, True)


def test_a_device_that_never_answered_was_never_heard(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_state(ROOF, reachable=False))

    assert (seen(operator).get("stale"), seen(operator).get("heard_at")) == (True, None)


@pytest.mark.parametrize(
    ("device_id", "possible", "impossible"),
    [
        # 1.2 times the rating: an inverter that makes more is misread, and one draws next to nothing.
        (ROOF, {"export_w": 1_200_000}, {"export_w": 1_200_001}),
        (ROOF, {"import_w": 1_200}, {"import_w": 50_000}),
        (BATTERY, {"import_w": 300_000}, {"import_w": 300_001}),
        (BATTERY, {"soc_wh": 1_050_000}, {"soc_wh": 1_050_001}),
        # The roof and the battery go out together.
        (GRID, {"export_w": 1_500_000}, {"export_w": 1_500_001}),
    ],
)
def test_what_a_rating_does_not_allow_is_flagged_whoever_let_it_through(
    bench: ApiBench, operator: TestClient, device_id: str, possible: dict[str, int], impossible: dict[str, int]
) -> None:
    bench.give(a_state(device_id, **possible))
    before = seen(operator)["flags"]
    bench.give(a_state(device_id, **impossible, observed_at=NOON + timedelta(seconds=1)))

    assert (before, seen(operator)["flags"]) == ([], ["spike"])


def test_what_the_gateway_found_is_told_beside_it_and_once(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_state(ROOF, export_w=3_208_000, flags=("scale", "spike")))

    assert seen(operator)["flags"] == ["scale", "spike"]


def test_the_stream_tells_that_a_device_went_stale(bench: ApiBench) -> None:
    bench.give(a_state(ROOF, export_w=480_000))

    with served(bench) as address, listening(address.removeprefix("http://"), "hanbit") as said:
        states = (one.content[0].get("stale") for one in said if one.kind == "devices")
        first = next(states)
        bench.clock.instant = NOON + timedelta(minutes=4)

        assert (first, next(states)) == (False, True)


def test_on_a_fast_clock_the_way_from_the_device_takes_longer(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_state(GRID, import_w=300_000))
    bench.clock.speed = 300.0

    # Ten seconds of the wall's at 300 times its speed are 50 minutes.
    bench.clock.instant = NOON + timedelta(minutes=50)
    before = seen(operator).get("stale")
    bench.clock.instant = NOON + timedelta(minutes=50, seconds=1)

    assert (before, seen(operator).get("stale")) == (False, True)


def test_a_battery_that_shows_something_odd_does_not_tell_how_its_day_went(
    bench: ApiBench, operator: TestClient
) -> None:
    bench.give(a_state(BATTERY, soc_wh=500_000), a_state(GRID))
    odd = {"observed_at": NOON + timedelta(minutes=20), "flags": ("stuck",)}
    bench.give(a_state(BATTERY, soc_wh=100_000, **odd))

    [day] = [
        one
        for one in operator.get("/api/v1/batteries?day=2026-05-20").json()["items"]
        if one["participant_id"] == HANBIT
    ]

    assert day["stored_change_kwh"] == "0.000"

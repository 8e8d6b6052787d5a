from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.setpoints import (
    ConverterRating,
    KnownSetpoints,
    Refusal,
    Setpoint,
    admit,
    expired,
    refused_by_device,
)
from tests.unit.fems.fields import NOW

START = NOW + timedelta(minutes=15)
SETPOINT = Setpoint(
    setpoint_id="s1",
    delivery_start=START,
    expires_at=START + timedelta(minutes=5),
    issued_at=NOW,
    setpoint_w=50_000,
    charge_w_max=60_000,
    discharge_w_max=40_000,
)
RATING = ConverterRating(charge_w_max=55_000, discharge_w_max=80_000)
UNSEEN = KnownSetpoints(repeated=False, newest_issued_at=None)


def reason(refusal: Refusal | None) -> str | None:
    return None if refusal is None else refusal.reason


def test_set_point_within_all_bounds_is_admitted() -> None:
    assert admit(SETPOINT, RATING, UNSEEN) is None


@given(setpoint_w=st.integers(min_value=-100_000, max_value=100_000))
def test_bounds_are_the_narrower_of_sender_and_complex_file(setpoint_w: int) -> None:
    refusal = admit(replace(SETPOINT, setpoint_w=setpoint_w), RATING, UNSEEN)

    # Charging: min(60, 55) kW; discharging: min(40, 80) kW.
    assert reason(refusal) == (None if -40_000 <= setpoint_w <= 55_000 else "out_of_bounds")


def test_refusal_tells_the_rule_with_its_numbers() -> None:
    refusal = admit(replace(SETPOINT, setpoint_w=55_001), RATING, UNSEEN)

    assert refusal == Refusal("out_of_bounds", "setpoint_w must be in [-40000, 55000] W, was 55001")


def test_converter_that_the_complex_lacks_is_unknown() -> None:
    assert reason(admit(SETPOINT, None, UNSEEN)) == "unknown_device"


def test_same_id_again_is_repeated() -> None:
    assert reason(admit(SETPOINT, RATING, KnownSetpoints(repeated=True, newest_issued_at=NOW))) == "repeated"


@pytest.mark.parametrize(("seconds", "expected"), [(-1, None), (0, "out_of_order"), (1, "out_of_order")])
def test_set_point_issued_before_another_of_its_interval_is_out_of_order(seconds: int, expected: str | None) -> None:
    newest = NOW + timedelta(seconds=seconds)

    assert reason(admit(SETPOINT, RATING, KnownSetpoints(repeated=False, newest_issued_at=newest))) == expected


def test_delivery_off_the_quarter_hour_is_refused() -> None:
    odd = replace(SETPOINT, delivery_start=START + timedelta(minutes=1))

    assert reason(admit(odd, RATING, UNSEEN)) == "out_of_bounds"


@pytest.mark.parametrize(
    ("expiry_minutes", "now_minutes", "expected"),
    [(5, -0.001, None), (5, 0, "expired"), (-5, -5.001, None), (-5, -5, "expired")],
)
def test_set_point_is_good_until_it_expires_and_its_interval_begins(
    expiry_minutes: float, now_minutes: float, expected: str | None
) -> None:
    setpoint = replace(SETPOINT, expires_at=START + timedelta(minutes=expiry_minutes))

    assert reason(expired(setpoint, now=START + timedelta(minutes=now_minutes))) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(3, "expired"), (4, "out_of_bounds"), (5, "out_of_order"), (6, "unconfirmed"), (99, "unconfirmed")],
)
def test_converters_answer_becomes_a_reason(status: int, expected: str) -> None:
    assert refused_by_device(status).reason == expected

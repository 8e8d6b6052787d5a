"""What counts as a broker that one gets through to: at most ten seconds of silence, at most ten of owing something."""

import pytest

from shared.bus.acknowledged import Acknowledged


class Told:
    """What a process knows of its broker, on a clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.acknowledged = Acknowledged(lambda: self.now_s)

    def well_after(self, seconds: float) -> bool:
        self.now_s += seconds
        return self.acknowledged.well()


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_broker_that_never_answered_is_not_well(told: Told) -> None:
    assert not told.acknowledged.well()
    assert (told.acknowledged.answered_at, told.acknowledged.published_at) == (None, None)


def test_a_quiet_broker_is_well_for_as_long_as_it_answers(told: Told) -> None:
    for _ in range(100):
        told.acknowledged.answered()
        assert told.well_after(9.9)

    assert not told.well_after(0.1)


def test_a_broker_that_answers_and_takes_nothing_is_not_well_until_it_takes_something(told: Told) -> None:
    told.acknowledged.outbox_has(1)
    told.now_s += 5
    told.acknowledged.outbox_has(3)
    told.acknowledged.answered()

    assert told.well_after(4.9)
    assert not told.well_after(0.1)

    told.acknowledged.published()
    assert told.acknowledged.well()


def test_an_outbox_that_grows_while_its_messages_are_taken_is_well(told: Told) -> None:
    for rows in range(500, 5_000, 500):
        told.acknowledged.answered()
        told.acknowledged.outbox_has(rows)
        assert told.well_after(9.9)
        told.acknowledged.published()


def test_a_loop_that_is_busy_for_a_minute_is_well_while_the_broker_answers(told: Told) -> None:
    told.acknowledged.outbox_has(0)
    told.acknowledged.round_ended(well=True)
    for _ in range(40):
        told.now_s += 1.5
        told.acknowledged.answered()

    assert told.acknowledged.well()


def test_rounds_that_fail_at_a_broker_that_answers_are_not_well_until_one_succeeds(told: Told) -> None:
    for _ in range(3):
        told.acknowledged.answered()
        told.acknowledged.round_ended(well=False)
        told.now_s += 4

    # Failing since 12 s, with an answer 4 s ago.
    assert not told.acknowledged.well()

    told.acknowledged.round_ended(well=True)
    assert told.acknowledged.well()

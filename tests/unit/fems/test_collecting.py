import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.registers import NotReadable
from services.fems.gateway.collector import in_sequence, records_in


def test_records_are_read_newest_first_and_unfilled_ones_left_out() -> None:
    # 900 s x 3 = 2,700 s is the start of interval 3; 1 x 65,536 + 2 = 65,538 Wh.
    words = [0, 2_700, 1, 2, 0, 7, 0, 1_800, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]

    assert records_in(words) == {3: (65_538, 7), 2: (4, 0)}


def test_record_off_the_quarter_hour_is_nonsense() -> None:
    with pytest.raises(NotReadable, match="started at 901"):
        records_in([0, 901, 0, 0, 0, 0])


@given(known=st.sets(st.integers(min_value=0, max_value=30)), first=st.integers(0, 30), running=st.integers(0, 30))
def test_sequence_has_no_gap_and_only_completed_records(known: set[int], first: int, running: int) -> None:
    numbers = list(in_sequence(dict.fromkeys(known, (0, 0)), first, running))

    assert numbers == list(range(numbers[0], numbers[-1] + 1)) if numbers else True
    assert all(first <= number < running and number in known for number in numbers)


def test_what_the_meter_forgot_is_skipped_and_what_is_not_there_yet_awaited() -> None:
    energies = {5: (1, 0), 6: (2, 0), 8: (3, 0)}

    assert in_sequence(energies, 2, 9) == {5: (1, 0), 6: (2, 0)}

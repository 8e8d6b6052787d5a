import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.metering.counting import CounterRange
from services.fems.domain.registers.sunspec import NotReadable, model
from services.fems.gateway.collector import in_sequence, records_in
from services.fems.gateway.publishing import Metered
from services.fems.gateway.states import Counters, Live, live_from, points_of
from shared.events.fems import MeterKind, Quality


def test_records_are_read_newest_first_and_unfilled_ones_left_out() -> None:
    # 900 s x 3 = 2,700 s is the start of interval 3; 1 x 65,536 + 2 = 65,538 Wh.
    words = [0, 2_700, 1, 2, 0, 7, 0, 1_800, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]

    assert records_in(words) == {3: (65_538, 7), 2: (4, 0)}


def test_record_off_the_quarter_hour_is_nonsense() -> None:
    with pytest.raises(NotReadable, match="started at 901"):
        records_in([0, 901, 0, 0, 0, 0])


@given(known=st.sets(st.integers(min_value=0, max_value=30)), first=st.integers(0, 30), running=st.integers(0, 30))
def test_sequence_has_no_gap_and_measures_only_what_the_meter_knows(known: set[int], first: int, running: int) -> None:
    found = in_sequence({number: (number, 0) for number in known}, first, running)

    assert [one.number for one in found] == list(range(first, first + len(found)))
    assert all(one.number < running for one in found)
    measured = {one.number for one in found if one.quality is Quality.MEASURED}
    assert measured == {one.number for one in found} & known


def test_interval_after_a_gap_waits_for_the_gap() -> None:
    assert [one.number for one in in_sequence({5: (1, 0), 6: (2, 0), 8: (3, 0)}, 5, 9)] == [5, 6]


def test_forgotten_interval_is_estimated_by_the_same_hour_a_week_later() -> None:
    # 672 quarter hours are a week: 10 and 11 are forgotten, 682 and 683 lie a week after them.
    energies = {number: (number, 1) for number in range(12, 690)}

    found = in_sequence(energies, 10, 690)

    assert found[0] == Metered(10, 682, 1, Quality.ESTIMATED)
    assert found[1] == Metered(11, 683, 1, Quality.ESTIMATED)
    assert found[2] == Metered(12, 12, 1, Quality.MEASURED)
    # A week at a time: the rest follows in the next round.
    assert len(found) == 672


@given(
    kind=st.sampled_from(list(MeterKind)),
    models=st.sampled_from([{103: 0, 203: 100, 802: 300}, {701: 0, 203: 200, 713: 400}]),
    words=st.lists(st.integers(min_value=0, max_value=65_535), min_size=700, max_size=700),
)
def test_noise_is_a_number_or_not_readable_and_nothing_else(
    kind: MeterKind, models: dict[int, int], words: list[int]
) -> None:
    registers = dict(enumerate(words))

    try:
        live = live_from(kind, models, registers)
    except NotReadable:
        return
    assert live.import_w >= 0
    assert live.export_w >= 0


def test_scale_factor_0x8000_is_not_readable() -> None:
    # Model 203 has W at 18 and W_SF at 22.
    registers = {18: 1_000, 22: 0x8000}

    with pytest.raises(NotReadable, match="W_SF: not implemented"):
        live_from(MeterKind.GRID, {203: 0}, registers)


def test_standard_battery_without_our_block_is_read_by_its_percentage() -> None:
    # 103: W at 14 with scale at 15. 802: WHRtg at 3, SoC at 11, their scales at 53 and 56. 2,000 x 100 Wh at 25.50 %.
    registers = {14: 65_536 - 50, 15: 3, 103: 2_000, 153: 2, 111: 2_550, 156: 65_536 - 2, 113: 0xFFFF, 158: 0x8000}

    found = live_from(MeterKind.ESS, {103: 0, 802: 100}, registers)

    assert found == Live(import_w=50_000, export_w=0, stored_wh=51_000, capacity_wh=200_000)


def place(model_id: int, at: int = 0, **told: int | tuple[int, ...]) -> dict[int, int]:
    """Return a model's registers with some points, where pysunspec2's definition has them."""
    points = model(model_id).points
    return {
        at + points[name].offset + n: word
        for name, words in told.items()
        for n, word in enumerate(words if isinstance(words, tuple) else (words,))
    }


def test_device_of_the_newer_models_is_read_by_them() -> None:
    # Power flows in where it is negative: 500 x 100 W. Counters have 64 bits.
    registers = place(701, W=65_536 - 500, W_SF=2, TotWhInj=(0, 1, 0, 5), TotWhAbs=(0, 0, 0, 7), TotWh_SF=0)
    registers |= place(713, at=300, WHRtg=2_000, WH_SF=2, SoC=2_550, Pct_SF=65_536 - 2, SoH=0xFFFF)

    found = live_from(MeterKind.ESS, {701: 0, 713: 300}, registers)

    # 1 x 2^32 + 5 Wh given; 25.50 % of 200,000 Wh.
    counters = Counters(7, (1 << 32) + 5, CounterRange(1 << 64), CounterRange(1 << 64))
    assert found == Live(import_w=50_000, export_w=0, stored_wh=51_000, capacity_wh=200_000, counters=counters)


@pytest.mark.parametrize(
    ("kind", "models", "problem"),
    [
        (MeterKind.GRID, {103: 0}, "no model 203 or .*214"),
        (MeterKind.PV, {203: 0}, "no model 103 or .*701"),
        (MeterKind.ESS, {103: 0}, "no model 802 or 713"),
    ],
)
def test_device_without_the_models_of_its_kind_says_so(kind: MeterKind, models: dict[int, int], problem: str) -> None:
    with pytest.raises(NotReadable, match=f"{problem}$"):
        points_of(kind, models)

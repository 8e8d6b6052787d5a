from copy import deepcopy
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.fems.domain.interval_numbers import epoch_s, epoch_us
from services.fems.domain.registers.vendor_models import PROFILE_RECORDS, CommitStatus
from services.fems.domain.simulated.controls import WHOLE_RATE, Control
from services.fems.domain.simulated.dispatch import ScheduleEntry
from services.fems.simulator.memory import FieldMemory
from services.fems.simulator.plant import Plant
from services.fems.simulator.site import SavedSite
from shared.errors import BadInput
from shared.intervals import INTERVAL, INTERVAL_S
from tests.unit.fems.fields import NOW, NOW_NUMBER, a_complex, a_field, idle_meters

METERS = ("sunny.grid", "roof", "ess", "plain.grid")


def a_plant(kept: dict[str, SavedSite] | None = None) -> Plant:
    return Plant(a_field(), {}, ({} if kept is None else kept).__setitem__, NOW)


def command(plant: Plant, number: int, setpoint_w: int, sequence: int = 1) -> CommitStatus:
    battery = plant.sites[0].site.batteries[0]
    entry = ScheduleEntry(number * INTERVAL_S, setpoint_w, epoch_s(NOW) + 10**6, sequence)
    return plant.commit(battery, entry, NOW + INTERVAL * (number - NOW_NUMBER - 1))


def obey(plant: Plant, now: datetime, setpoint_w: int, revert_s: int = 0) -> None:
    """Write a command for at once into the battery's model 124."""
    plant.catch_up(now)
    battery = plant.sites[0].site.batteries[0]
    rate = setpoint_w * WHOLE_RATE // battery.charge_w_max
    points = {"StorCtl_Mod": 3, "InWRte": rate, "OutWRte": -rate, "InOutWRte_RvrtTms": revert_s}
    plant.obey(battery, Control(124, epoch_us(now), points))


def test_counters_are_the_integral_of_power_through_ramps_and_changes() -> None:
    plant = a_plant()
    command(plant, NOW_NUMBER + 1, 100_000)
    before = {meter_id: plant.read(meter_id, NOW) for meter_id in METERS}
    sums = dict.fromkeys(METERS, (0, 0))

    for tenth in range(3 * 9_000):
        now = NOW + tenth * timedelta(seconds=0.1)
        plant.catch_up(now)
        if tenth == 12_345:
            obey(plant, now, -250_000, revert_s=77)
        for meter_id, (import_w, export_w) in sums.items():
            reading = plant.read(meter_id, now)
            sums[meter_id] = (import_w + reading.import_w, export_w + reading.export_w)

    plant.catch_up(NOW + 3 * INTERVAL)
    assert sums["ess"][1] > 0
    for meter_id, first in before.items():
        last = plant.read(meter_id, NOW + 3 * INTERVAL)
        # Power is constant over a tenth of a second, which is 1/36,000 h; counters show whole Wh.
        assert abs(last.import_wh - first.import_wh - sums[meter_id][0] / 36_000) <= 1
        assert abs(last.export_wh - first.export_wh - sums[meter_id][1] / 36_000) <= 1


def test_counter_rises_evenly_within_an_interval() -> None:
    plant = a_plant()
    start = plant.read("plain.grid", NOW)

    third = plant.read("plain.grid", NOW + INTERVAL / 3)

    assert third.import_wh - start.import_wh == start.import_w // 4 // 3


def test_set_point_moves_battery_and_grid_meter_in_its_interval_only() -> None:
    plant, idle = a_plant(), a_plant()

    assert command(plant, NOW_NUMBER + 1, -200_000) is CommitStatus.ACCEPTED
    plant.catch_up(NOW + 3 * INTERVAL)
    idle.catch_up(NOW + 3 * INTERVAL)

    # 200 kW for a quarter of an hour are 50 kWh given; 400 - 50 / 0.96 = 347.916... kWh stay. Climbing by 25 kW each
    # tenth of a second lacks (175 + 150 + ... + 25) x 0.1 = 70 kWs, 19.4 Wh, which falling adds in the next interval.
    given_wh = [one.export_wh for one in list(plant.records("ess"))[-3:]]
    assert given_wh == [0, 49_980, 20]
    assert {one.import_wh for one in plant.records("ess")} == {0}
    assert plant.read("ess", NOW + 3 * INTERVAL).stored_wh == 347_916
    moved, unmoved = list(plant.records("sunny.grid"))[-3:], list(idle.records("sunny.grid"))[-3:]
    net = [
        (one.import_wh - one.export_wh) - (two.import_wh - two.export_wh)
        for one, two in zip(moved, unmoved, strict=True)
    ]
    # Each meter shows whole Wh by itself.
    assert all(abs(moved_wh + wh) <= 1 for moved_wh, wh in zip(net, given_wh, strict=True))


@settings(deadline=None, max_examples=20)
@given(
    setpoints_w=st.lists(st.integers(min_value=-250_000, max_value=250_000), min_size=1, max_size=12),
    stops=st.sets(st.integers(min_value=0, max_value=11)),
)
def test_restart_at_any_interval_changes_nothing(setpoints_w: list[int], stops: set[int]) -> None:
    kept: dict[str, SavedSite] = {}
    restarted, steady = a_plant(kept), a_plant()
    for step, setpoint_w in enumerate(setpoints_w):
        for plant in (restarted, steady):
            command(plant, NOW_NUMBER + step + 1, setpoint_w)
            plant.catch_up(NOW + step * INTERVAL)
        if step in stops:
            restarted = Plant(a_field(), dict(kept), kept.__setitem__, NOW + step * INTERVAL)

    end = NOW + (len(setpoints_w) + 1) * INTERVAL
    for plant in (restarted, steady):
        plant.catch_up(end)
    for meter_id in METERS:
        assert restarted.read(meter_id, end) == steady.read(meter_id, end)
        assert list(restarted.records(meter_id)) == list(steady.records(meter_id))


@settings(deadline=None, max_examples=20)
@given(
    told=st.lists(
        st.tuples(st.integers(1, 1_500), st.integers(-250_000, 250_000), st.integers(0, 2_000)), min_size=1, max_size=8
    ),
    stops=st.sets(st.integers(min_value=0, max_value=7)),
)
def test_restart_in_the_middle_of_a_command_changes_nothing(told: list[tuple[int, int, int]], stops: set[int]) -> None:
    kept: dict[str, SavedSite] = {}
    restarted, steady, now = a_plant(kept), a_plant(), NOW
    for step, (seconds, setpoint_w, revert_s) in enumerate(told):
        now += timedelta(seconds=seconds)
        for plant in (restarted, steady):
            obey(plant, now, setpoint_w, revert_s)
        if step in stops:
            restarted = Plant(a_field(), deepcopy(kept), kept.__setitem__, now + timedelta(seconds=1))

    end = now + timedelta(seconds=777)
    for plant in (restarted, steady):
        plant.catch_up(end)
    for meter_id in METERS:
        assert restarted.read(meter_id, end) == steady.read(meter_id, end)
        assert list(restarted.records(meter_id)) == list(steady.records(meter_id))


def test_battery_that_was_off_catches_up_with_the_set_points_it_held() -> None:
    kept: dict[str, SavedSite] = {}
    steady = a_plant()
    for plant in (a_plant(kept), steady):
        command(plant, NOW_NUMBER + 1, 100_000)

    later = NOW + 5 * INTERVAL
    restarted = Plant(a_field(), kept, kept.__setitem__, later)
    steady.catch_up(later)

    assert restarted.read("ess", later) == steady.read("ess", later)
    assert list(restarted.records("sunny.grid")) == list(steady.records("sunny.grid"))


def test_profile_shows_the_difference_of_exact_counters() -> None:
    plant = a_plant()
    energies = idle_meters(a_field(), NOW_NUMBER - PROFILE_RECORDS, PROFILE_RECORDS)

    for meter_id in METERS:
        records = list(plant.records(meter_id))
        assert [one.number for one in records] == list(range(NOW_NUMBER - PROFILE_RECORDS, NOW_NUMBER))
        np.testing.assert_array_equal([one.import_wh for one in records], energies[meter_id][0])
        np.testing.assert_array_equal([one.export_wh for one in records], energies[meter_id][1])


def test_grid_meter_balances_load_sun_and_battery() -> None:
    plant = a_plant()
    command(plant, NOW_NUMBER + 1, 40_000)
    plant.catch_up(NOW + 2 * INTERVAL)

    load_wh = int(a_field().energies(NOW_NUMBER + 1, 1)["sunny"].load_wh[0])
    grid, roof, ess = (list(plant.records(meter_id))[-1] for meter_id in ("sunny.grid", "roof", "ess"))

    net_wh = load_wh - roof.export_wh + ess.import_wh - ess.export_wh
    # Each meter shows whole Wh by itself.
    assert abs(grid.import_wh - grid.export_wh - net_wh) <= 1


@pytest.mark.parametrize(
    ("number", "setpoint_w", "status"),
    [
        (NOW_NUMBER, 1_000, CommitStatus.LATE),
        (NOW_NUMBER + 1, 250_001, CommitStatus.OUT_OF_BOUNDS),
        (NOW_NUMBER + 1, -250_001, CommitStatus.OUT_OF_BOUNDS),
        (NOW_NUMBER + 1, 250_000, CommitStatus.ACCEPTED),
    ],
)
def test_converter_judges_a_command_itself(number: int, setpoint_w: int, status: CommitStatus) -> None:
    plant = a_plant()
    battery = plant.sites[0].site.batteries[0]
    entry = ScheduleEntry(number * INTERVAL_S, setpoint_w, epoch_s(NOW) + 3_600, 1)

    assert plant.commit(battery, entry, NOW) is status


def test_later_command_replaces_and_an_earlier_one_does_not() -> None:
    plant = a_plant()

    answers = [
        command(plant, NOW_NUMBER + 1, 1_000, 2),
        command(plant, NOW_NUMBER + 1, 2_000, 1),
        command(plant, NOW_NUMBER + 1, 1_000, 2),
        command(plant, NOW_NUMBER + 1, 3_000, 3),
    ]

    accepted, out_of_order = CommitStatus.ACCEPTED, CommitStatus.OUT_OF_ORDER
    assert answers == [accepted, out_of_order, accepted, accepted]
    assert plant.schedule("ess")[NOW_NUMBER + 1].setpoint_w == 3_000


def test_command_that_could_not_be_kept_is_not_held() -> None:
    def full_disk(participant_id: str, saved: SavedSite) -> None:
        if any(state.schedule for state in saved.batteries.values()):
            raise OSError(participant_id)

    plant = Plant(a_field(), {}, full_disk, NOW)

    with pytest.raises(OSError, match="sunny"):
        command(plant, NOW_NUMBER + 1, 1_000)
    assert plant.schedule("ess") == {}


def test_memory_returns_what_it_was_given(tmp_path_factory: pytest.TempPathFactory) -> None:
    memory = FieldMemory(tmp_path_factory.mktemp("field"), "small")
    kept: dict[str, SavedSite] = {}
    plant = a_plant(kept)
    command(plant, NOW_NUMBER + 1, -100_000)
    plant.catch_up(NOW + 2 * INTERVAL)
    obey(plant, NOW + 2 * INTERVAL + timedelta(seconds=7), 30_000, revert_s=60)

    memory.save("sunny", kept["sunny"])

    assert memory.load(a_field().sites[0]) == kept["sunny"]
    assert memory.load(a_field().sites[1]) is None


def test_torn_memory_is_named_with_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("field")
    memory = FieldMemory(folder, "small")
    (folder / "small" / "sunny.json").write_text('{"format": 1, "through"')

    with pytest.raises(BadInput, match=r"sunny.json: \$ must be a battery memory of format 2.*delete the file"):
        memory.load(a_field(a_complex()).sites[0])


@pytest.mark.parametrize(
    "content", [b'{"format": 1', b"\xff", b"[" * 100_000, b"[]", b'{"format": 2, "batteries": []}', None]
)
def test_memory_that_is_no_memory_is_set_aside_and_its_batteries_are_new(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    folder = tmp_path_factory.mktemp("field")
    memory, site = FieldMemory(folder, "small"), a_field(a_complex()).sites[0]
    path = folder / "small" / "sunny.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    assert (memory.restored(site), memory.restored(site)) == (None, None)

    assert [path.name for path in path.parent.iterdir()] == ["sunny.json.odd"]
    assert [one.message for one in caplog.records] == ["batteries begin anew"]


def test_clock_that_goes_back_changes_nothing() -> None:
    plant = a_plant()
    plant.catch_up(NOW + 2 * INTERVAL)
    before = plant.records("plain.grid").copy()

    plant.catch_up(NOW - timedelta(hours=3))

    assert plant.records("plain.grid") == before

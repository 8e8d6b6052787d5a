"""The demo's complex, with as many factories as are asked for."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cli.demo_start import FACTORIES_MAX
from cli.prepare import write_demo_complex
from services.fems.simulator.history import history
from shared.complex.model import Complex, Participant
from shared.intervals import INTERVALS_PER_WEEK, day_start

WEEK = day_start(date(2026, 5, 11))


def a_complex(folder: Path, factories: int) -> Complex:
    return write_demo_complex(
        folder / "complex.yaml",
        factories=factories,
        host="127.0.0.1",
        port_of=lambda number: 20_000 + number,
        poll_interval_s=30,
    )


@pytest.mark.parametrize("factories", [1, 2, 12, 13, 123, FACTORIES_MAX])
def test_each_device_has_a_place_of_its_own_that_modbus_can_name(factories: int, tmp_path: Path) -> None:
    made = a_complex(tmp_path, factories)

    places = [(device.address.port, device.unit_id) for device in made.field_devices]
    assert len(made.participants) == factories
    assert len(set(places)) == len(places)
    assert all(1 <= unit_id <= 247 for _, unit_id in places)
    # All ports but the last are full.
    assert {port for port, _ in places} == {20_000 + number // 247 for number in range(len(places))}


def test_a_thousand_factories_have_names_of_their_own_in_both_languages(tmp_path: Path) -> None:
    made = a_complex(tmp_path, FACTORIES_MAX).participants

    assert len({one.participant_id for one in made}) == len({one.name.ko for one in made}) == FACTORIES_MAX
    assert len({one.name.en for one in made}) == FACTORIES_MAX


def test_each_factory_keeps_what_it_is_however_many_there_are(tmp_path: Path) -> None:
    def alone(one: Participant) -> Participant:
        return one.model_copy(update={"feeder_id": ""})

    few, many = a_complex(tmp_path, 30).participants, a_complex(tmp_path, 60).participants

    assert [alone(one) for one in few] == [alone(one) for one in many[:30]]


def test_the_thirteenth_is_the_measured_steel_works_alone(tmp_path: Path) -> None:
    made = a_complex(tmp_path, 40).participants

    assert [number for number, one in enumerate(made, start=1) if one.load.profile is not None] == [13]
    assert made[12].name.en == "Hanul Steel (load measured in 2018)"


def test_feeders_carry_their_factories_and_connections_keep_within_their_contracts(tmp_path: Path) -> None:
    made = a_complex(tmp_path, 124)
    meters = history(made, WEEK, INTERVALS_PER_WEEK).meters

    kw = {
        one.participant_id: (meters[one.grid_meter_id][0] - meters[one.grid_meter_id][1]) / 250
        for one in made.participants
    }
    for one in made.participants:
        assert kw[one.participant_id].max() <= one.contract.contract_kw
    # The three of the twelve, and (124 - 12) / 11 = 10.2, so eleven more.
    assert len(made.feeders) == 14
    for feeder in made.feeders:
        behind = np.sum(
            [kw[one.participant_id] for one in made.participants if one.feeder_id == feeder.feeder_id], axis=0
        )
        assert feeder.import_limit_kw is not None
        assert feeder.export_limit_kw is not None
        assert behind.max() <= feeder.import_limit_kw
        assert -behind.min() <= feeder.export_limit_kw

"""The demo's complex, with as many factories as are asked for."""

from pathlib import Path

import pytest

from cli.demo_day import FACTORIES_MAX
from cli.prepare import write_demo_complex


@pytest.mark.parametrize("factories", [2, 12, 123, FACTORIES_MAX, 1_000])
def test_each_device_has_a_place_of_its_own_that_modbus_can_name(factories: int, tmp_path: Path) -> None:
    made = write_demo_complex(
        tmp_path / "complex.yaml",
        factories=factories,
        host="127.0.0.1",
        port_of=lambda number: 20_000 + number,
        poll_interval_s=30,
    )

    places = [(device.address.port, device.unit_id) for device in made.field_devices]
    assert len(made.participants) == factories
    assert len(set(places)) == len(places)
    assert all(1 <= unit_id <= 247 for _, unit_id in places)
    # All ports but the last are full.
    assert {port for port, _ in places} == {20_000 + number // 247 for number in range(len(places))}

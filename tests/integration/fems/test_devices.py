"""The simulated devices as other programs see them."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pymodbus.client import AsyncModbusTcpClient
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from shared.paths import DEMO_COMPLEX, ROOT
from tests.integration.fems.field_town import a_clock, a_port_of_its_own, simulated


def scanned(port: int, unit_id: int) -> SunSpecModbusClientDeviceTCP:
    """Return a device as pysunspec2's own client finds it."""
    device = SunSpecModbusClientDeviceTCP(slave_id=unit_id, ipaddr="127.0.0.1", ipport=port, timeout=5)
    device.scan()
    device.close()
    return device


def model_ids(device: SunSpecModbusClientDeviceTCP) -> list[int]:
    return [number for number in device.models if isinstance(number, int)]


def test_sunspec_client_scans_meter_inverter_and_battery(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()

    async def scan() -> list[SunSpecModbusClientDeviceTCP]:
        async with simulated(complex_, tmp_path, a_clock()):
            port = complex_.field_network.port
            return [await asyncio.to_thread(scanned, port, device.unit_id) for device in complex_.devices]

    grid, roof, ess, _ = asyncio.run(scan())

    assert model_ids(grid) == [1, 203, 64_900]
    assert model_ids(roof) == [1, 103, 123, 64_900]
    assert model_ids(ess) == [1, 103, 802, 124, 203, 64_900, 64_901]
    for device in (grid, roof, ess):
        known = [model for number in model_ids(device) if number < 64_000 for model in device.models[number]]
        assert [model.error_info for model in known] == [""] * len(known)
    assert grid.common[0].SN.value == "sunny.grid"
    assert ess.models[802][0].SoC.cvalue == pytest.approx(40.0)
    assert ess.models[802][0].WHRtg.cvalue == 1_000_000
    assert ess.models[124][0].WChaMax.cvalue == 250_000
    # A winter's morning sun: something, and not more than the inverter can.
    assert 0 < roof.models[103][0].W.cvalue <= 1_000_000


def test_unknown_unit_and_foreign_writes_are_answered_with_an_exception(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()

    async def ask() -> list[int]:
        async with simulated(complex_, tmp_path, a_clock()):
            client = AsyncModbusTcpClient("127.0.0.1", port=complex_.field_network.port)
            await client.connect()
            answers = [
                await client.read_holding_registers(40_000, count=2, device_id=99),
                await client.read_holding_registers(39_999, count=1, device_id=1),
                await client.write_register(40_070, 1, device_id=1),
                await client.write_register(40_070, 1, device_id=3),
            ]
            client.close()
            return [answer.exception_code for answer in answers]

    # 11: no such device behind this address. 2: no such register, or none that may be written.
    assert asyncio.run(ask()) == [11, 2, 2, 2]


def run_simulator(folder: Path, complex_file: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("SANDAN_", "FEMS_"))},
        "SANDAN_COMPLEXES": f'["{complex_file}"]',
        "SANDAN_RUN_DIR": str(folder / "run"),
    }
    command = [sys.executable, "-m", "services.fems.simulator"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)


def test_taken_port_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    content = yaml.safe_load(DEMO_COMPLEX.read_text())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        content["field_network"]["port"] = port
        (tmp_path / "complex.yaml").write_text(yaml.safe_dump(content))

        ended = run_simulator(tmp_path, tmp_path / "complex.yaml")

    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines()[-1] == (
        f"complex file of changwon-demo: $.field_network.port must be a free port of 127.0.0.1, was {port}"
        " (stop what listens there, or set another port)"
    )
    assert "Traceback" not in ended.stderr


def test_unknown_profile_is_one_line_that_names_the_factory(tmp_path: Path) -> None:
    content = yaml.safe_load(DEMO_COMPLEX.read_text())
    content["participants"][2]["load"] = {"profile": "../secret", "mean_kw": 100}
    (tmp_path / "complex.yaml").write_text(yaml.safe_dump(content))

    ended = run_simulator(tmp_path, tmp_path / "complex.yaml")

    assert ended.returncode == 2
    assert ended.stderr.strip() == (
        "complex changwon-demo: $.participants[2].load.profile must be one of ['gwangyang-2018'], was '../secret'"
    )

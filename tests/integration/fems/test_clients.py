"""Clients that the project did not write, and its own verbs for a person with a device, on the simulated devices."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP
from typer.testing import CliRunner, Result

from cli.main import app_with
from shared.complex.model import Complex
from tests.integration.fems.field_town import a_clock, a_port_of_its_own, simulated
from tests.integration.fems.test_feeders import a_metered_feeder

MBPOLL = shutil.which("mbpoll")
STANDARD_MODELS_MAX = 63_999
T = TypeVar("T")


def with_devices(complex_: Complex, folder: Path, ask: Callable[[], T]) -> T:
    """Return what a client in another thread got from the simulated devices."""

    async def asked() -> T:
        async with simulated(complex_, folder, a_clock()):
            return await asyncio.to_thread(ask)

    return asyncio.run(asked())


def scanned(port: int, unit_id: int) -> SunSpecModbusClientDeviceTCP:
    device = SunSpecModbusClientDeviceTCP(slave_id=unit_id, ipaddr="127.0.0.1", ipport=port, timeout=30)
    device.scan()
    device.close()
    return device


def standard_models(device: SunSpecModbusClientDeviceTCP) -> dict[int, Any]:
    return {
        number: device.models[number][0]
        for number in device.models
        if isinstance(number, int) and number <= STANDARD_MODELS_MAX
    }


@pytest.mark.parametrize("sunspec", [103, 701])
def test_pysunspec2_finds_every_mandatory_point_in_its_stated_scale(tmp_path: Path, sunspec: int) -> None:
    complex_ = a_port_of_its_own(devices={"roof": {"sunspec": sunspec}, "ess": {"sunspec": sunspec}})
    port = complex_.field_network.port

    def ask() -> list[SunSpecModbusClientDeviceTCP]:
        return [scanned(port, device.unit_id) for device in complex_.devices]

    for device in with_devices(complex_, tmp_path, ask):
        for number, found in standard_models(device).items():
            for name, point in found.points.items():
                place = f"model {number}, {name}"
                if point.pdef.get("mandatory") == "M" and point.pdef["type"] not in ("pad", "acc32"):
                    assert point.value is not None, place
                if point.value is not None and point.sf_required:
                    # The client looks the scale up when it is asked for the scaled number.
                    measured = point.cvalue
                    assert -10 <= point.sf_value <= 10, place
                    assert measured == pytest.approx(point.value * 10.0**point.sf_value), place


def test_pysunspec2_reads_the_newer_models_as_the_complex_file_has_them(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own(devices={"roof": {"sunspec": 701}, "ess": {"sunspec": 701}})
    port = complex_.field_network.port

    roof, ess = with_devices(complex_, tmp_path, lambda: (scanned(port, 2), scanned(port, 3)))

    assert list(standard_models(roof)) == [1, 701, 702]
    assert list(standard_models(ess)) == [1, 701, 702, 704, 713]
    assert [found.error_info for found in standard_models(ess).values()] == [""] * 5
    # A winter's morning sun: something, and not more than the inverter can; what it gives is positive.
    assert 0 < roof.models[701][0].W.cvalue <= roof.models[702][0].WMaxRtg.cvalue == 1_000_000
    assert roof.models[701][0].TotWhInj.cvalue > 0
    # It is warmer inside than out, by less than at its rating.
    assert (
        roof.models[701][0].TmpAmb.cvalue < roof.models[701][0].TmpCab.cvalue < roof.models[701][0].TmpAmb.cvalue + 20
    )
    # 40 % of a megawatt hour, at most 250 kW in and out.
    storage, capacity = ess.models[713][0], ess.models[702][0]
    assert (storage.WHRtg.cvalue, storage.WHAvail.cvalue, storage.SoC.cvalue) == (1_000_000, 400_000, 40.0)
    assert (capacity.WChaRteMaxRtg.cvalue, capacity.WDisChaRteMaxRtg.cvalue) == (250_000, 250_000)


@pytest.mark.skipif(MBPOLL is None, reason="needs an independent Modbus client: apt-get install mbpoll")
def test_mbpoll_reads_the_same_power_and_counters_as_pysunspec2(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    port = complex_.field_network.port

    def ask() -> tuple[list[int], Any]:
        # 40070 is where model 203 begins; W is at 18, its scale at 22, TotWhImp at 46 and 47.
        command = [str(MBPOLL), "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-r", "40070", "-c", "50"]
        ended = subprocess.run(
            [*command, "-t", "4:hex", "-1", "-o", "10", "127.0.0.1"], capture_output=True, text=True, check=True
        )
        words = [int(word, 16) for word in re.findall(r"^\[\d+\]:\s+0x([0-9A-F]{4})", ended.stdout, re.MULTILINE)]
        return words, scanned(port, 1).models[203][0]

    words, meter = with_devices(complex_, tmp_path, ask)

    assert words[:2] == [203, 105]
    assert words[18] == meter.W.value > 0
    assert words[22] == meter.W_SF.value
    assert words[46] << 16 | words[47] == meter.TotWhImp.value > 0


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app_with("devices"), ["devices", *arguments])


def test_scan_finds_each_unit_with_its_plate_and_models(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    where = f"127.0.0.1:{complex_.field_network.port}"

    ended = with_devices(complex_, tmp_path, lambda: run("scan", where, "--units", "2-3,9", "--wait", "30"))

    answer = json.loads(ended.stdout)
    assert ended.exit_code == 0
    assert [unit["serial"] for unit in answer["units"]] == ["roof", "ess"]
    assert [model["model_id"] for model in answer["units"][0]["models"]] == [1, 103, 123, 64_900]
    assert answer["silent"] == [{"unit_id": 9, "reason": "unit 9: answered with exception 11 (gateway no response)"}]


def test_read_shows_points_with_unit_and_word_and_misses_what_is_not_there(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    where = f"127.0.0.1:{complex_.field_network.port}"

    ended = with_devices(
        complex_, tmp_path, lambda: run("read", where, "--unit", "3", "--model", "802", "--model", "7", "--wait", "30")
    )

    answer = json.loads(ended.stdout)
    assert ended.exit_code == 1
    assert answer["missing_models"] == [7]
    points = answer["models"][0]["points"]
    # 40 % of a megawatt hour, as the complex file has it.
    assert points["SoC"] == {"value": 40.0, "unit": "%WHRtg"}
    assert points["WHRtg"] == {"value": 1_000_000.0, "unit": "Wh"}
    assert points["Typ"] == {"value": 4, "symbol": "LITHIUM_ION"}


def test_list_names_each_device_and_asks_it_on_request(tmp_path: Path) -> None:
    complex_ = a_metered_feeder()
    complex_file = tmp_path / "complex.yaml"
    complex_file.write_text(json.dumps(complex_.model_dump(mode="json")))
    asked = ("list", "--complex", str(complex_file), "--probe", "--wait", "30")

    there = with_devices(complex_, tmp_path, lambda: run(*asked))
    away = run(*asked)

    assert (there.exit_code, away.exit_code) == (0, 1)
    assert [one["device_id"] for one in json.loads(there.stdout)["devices"]] == [
        "sunny.grid",
        "roof",
        "ess",
        "plain.grid",
        "F1.head",
    ]
    assert {one["answers"] for one in json.loads(away.stdout)["devices"]} == {False}

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.devices import fault, parse_address, parse_units, scan
from services.fems.domain.simulated.faults import Fault, FaultKind
from services.fems.simulator.faults import FILE_NAME, FaultBook
from shared.clock import Pace, write_pace
from shared.errors import BadInput

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("10.0.0.7:502", "10.0.0.7", 502), ("[::1]:1502", "::1", 1502), ("meter-3:1", "meter-3", 1)],
)
def test_address_is_host_and_port(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize("text", ["", "10.0.0.7", ":502", "h:0", "h:65536", "h:-1", "h:5 2", "h:0x10"])
def test_other_addresses_are_refused_by_their_rule(text: str) -> None:
    with pytest.raises(BadInput, match=r"command line: HOST:PORT must be host:port, port 1 to 65535, was "):
        parse_address(text)


def test_units_are_numbers_and_ranges_each_asked_once_in_order() -> None:
    assert parse_units("5,1-3,2") == [1, 2, 3, 5]


@pytest.mark.parametrize("text", ["", "0", "248", "3-1", "1-", "a", "1;2", "1-999"])
def test_other_units_are_refused_by_their_rule(text: str) -> None:
    with pytest.raises(BadInput, match=r"--units must be numbers and ranges from 1 to 247"):
        parse_units(text)


def test_address_where_nothing_listens_is_bad_input() -> None:
    # Port 1 of this machine: reserved, and served by nobody.
    with pytest.raises(BadInput, match=r"HOST:PORT must be an address where a Modbus TCP device listens, was '127"):
        scan("127.0.0.1:1", units="1", wait_s=1.0)


def a_deployment(folder: Path) -> Path:
    (folder / "field").mkdir()
    write_pace(folder / "clock.json", Pace(start=NOON, speed=300, epoch=None))
    return folder


def test_fault_is_asked_for_from_the_deployments_own_time_on(tmp_path: Path) -> None:
    folder = a_deployment(tmp_path)

    fault("hanbit-roof", "silent", minutes=30, folder=folder)
    fault("hanbit-ess", "slow", amount=3, folder=folder)

    silent, slow = FaultBook(folder / "field", "changwon-demo").faults()
    assert silent == Fault("hanbit-roof", FaultKind.SILENT, NOON, NOON + timedelta(minutes=30), 0)
    assert slow == Fault("hanbit-ess", FaultKind.SLOW, NOON, None, 3)


def test_none_ends_the_faults_of_one_device(tmp_path: Path) -> None:
    folder = a_deployment(tmp_path)
    fault("hanbit-roof", "silent", folder=folder)
    fault("hanbit-ess", "slow", folder=folder)

    fault("hanbit-roof", "none", folder=folder)

    assert [one.device_id for one in FaultBook(folder / "field", "changwon-demo").faults()] == ["hanbit-ess"]


@pytest.mark.parametrize(
    ("arguments", "minutes", "rule"),
    [
        (("nobody", "silent"), 1, "DEVICE_ID must be one of"),
        (("hanbit-roof", "tired"), 1, "KIND must be one of .*'silent'.*'none'"),
        (("hanbit-roof", "silent"), 0, "--minutes must be in"),
    ],
)
def test_unknown_fault_is_refused_by_its_rule(
    tmp_path: Path, arguments: tuple[str, str], minutes: float, rule: str
) -> None:
    with pytest.raises(BadInput, match=rule):
        fault(*arguments, minutes, folder=a_deployment(tmp_path))


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b'{"faults": 1}', b" " * 1_000_001, None])
def test_faults_file_that_is_nonsense_leaves_the_faults_as_they_were(tmp_path: Path, content: bytes | None) -> None:
    folder = a_deployment(tmp_path)
    fault("hanbit-roof", "silent", folder=folder)
    book = FaultBook(folder / "field", "changwon-demo")
    before = book.faults()

    path = folder / "field" / "changwon-demo" / FILE_NAME
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    assert book.faults() == before
    assert FaultBook(folder / "field", "changwon-demo").faults() == ()

"""What else may lie in the upload folder: set aside, said once, and no reason to end or to leave the next file."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.fems.gateway.gateway import Gateway, ReadingRules
from services.fems.gateway.intake.admission import ReadingAdmission
from services.fems.gateway.intake.uploads import BYTES_MAX, Uploads
from shared.complex.complexes import Complexes
from shared.events.fems import IntervalMetered
from simulation.bus import MemoryBus
from simulation.clock import ManualClock
from tests.integration.fems.field_town import GatewayBench, a_clock, a_port_of_its_own
from tests.unit.fems.fields import NOW

LATER = NOW + timedelta(hours=1)
GOOD = "meter_id,start_utc,import_kwh\nplain.grid,2026-01-07T01:00:00Z,12.345\n"
LOOKS_MAX, LOOK_EVERY_S = 200, 0.05


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.csv").write_text(GOOD)


def a_loop(path: Path) -> None:
    other = path.with_name("other-end")
    other.symlink_to(path)
    path.symlink_to(other)


def a_socket(path: Path) -> None:
    # Its address must be short, and the tests' folders are deep.
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def a_huge_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(BYTES_MAX + 1)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (a_folder, "0.csv: file must be a file, was 'a folder'"),
    "link to nowhere": (lambda path: path.symlink_to("nowhere"), "0.csv: file must be a file, was 'a link that leads"),
    "loop": (a_loop, "0.csv: file must be readable, was 'Too many levels of symbolic links'"),
    "pipe": (os.mkfifo, "0.csv: file must be a file, was 'a pipe'"),
    "socket": (a_socket, "0.csv: file must be a file, was 'a socket'"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "0.csv: file must be a file, was 'a device'"),
    "huge file": (a_huge_file, "0.csv: file must have at most 50000000 bytes, was 50000001"),
    "not UTF-8": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "0.csv: file must be CSV in UTF-8"),
}


def handed_in(folder: Path, *names: str) -> list[Path]:
    own = folder / "uploads" / "small"
    own.mkdir(parents=True, exist_ok=True)
    return [own / name for name in names]


def taken(folder: Path, looks: int = 3) -> list[IntervalMetered]:
    complex_, clock = a_port_of_its_own(), a_clock()
    with GatewayBench(complex_, folder, clock, MemoryBus()) as gateway:
        uploads = Uploads(ReadingAdmission(complex_), gateway.engine, folder / "uploads")
        for _ in range(looks):
            uploads.take(LATER)
        return gateway.published(IntervalMetered)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.message for one in caplog.records if one.name.startswith("services.fems")]


@pytest.mark.parametrize("odd", list(ODD))
def test_what_is_no_file_is_set_aside_once_and_the_next_file_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, odd: str
) -> None:
    make, problem = ODD[odd]
    odd_one, good_one = handed_in(tmp_path, "0.csv", "1.csv")
    make(odd_one)
    good_one.write_text(GOOD)

    with caplog.at_level("INFO"):
        found = taken(tmp_path)

    assert [one.import_wh for one in found] == [12_345]
    names = {path.name for path in good_one.parent.iterdir()} - {"other-end"}
    assert names == {"0.refused", "0.problems.txt", "1.taken"}
    assert problem in (good_one.parent / "0.problems.txt").read_text()
    assert said(caplog) == ["upload refused", "upload taken"]


def test_name_that_is_not_utf_8_is_taken_or_refused_like_any_other(tmp_path: Path) -> None:
    [folder] = handed_in(tmp_path, "")
    for name, content in ((b"\xff-good.csv", GOOD), (b"\xff-bad.csv", "a,b\n")):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_text(content)

    assert [one.import_wh for one in taken(tmp_path)] == [12_345]
    names = sorted(os.fsencode(path.name) for path in folder.iterdir())
    assert names == [b"\xff-bad.problems.txt", b"\xff-bad.refused", b"\xff-good.taken"]


def test_file_that_can_not_be_renamed_is_taken_or_refused_once_until_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good, *in_the_way = handed_in(tmp_path, "0.csv", "1.csv", "0.refused", "1.taken", "0.problems.txt")
    bad.write_text("a,b\n")
    good.write_text(GOOD)
    for path in in_the_way:
        a_folder(path)

    with caplog.at_level("INFO"):
        assert [one.import_wh for one in taken(tmp_path)] == [12_345]

    assert said(caplog) == [
        "upload refused",
        "problems of an upload were not written",
        "upload can't be renamed",
        "upload can't be renamed",
        "upload taken",
    ]


def test_folder_that_is_a_file_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "uploads").write_text("no folder")

    assert taken(tmp_path) == []

    assert said(caplog) == ["upload folder can't be read"]


def test_problems_are_not_written_into_what_a_link_leads_to(tmp_path: Path) -> None:
    bad, told = handed_in(tmp_path, "0.csv", "0.problems.txt")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("untouched")
    bad.write_text("a,b\n")
    told.symlink_to(elsewhere)

    taken(tmp_path)

    assert elsewhere.read_text() == "untouched"
    assert "0.csv: header must be" in told.read_text()


def test_running_gateway_outlives_what_lies_in_its_upload_folder(tmp_path: Path) -> None:
    complex_, bus = a_port_of_its_own(poll_interval_s=60), MemoryBus()
    folder, link, good = handed_in(tmp_path, "0.csv", "1.csv", "2.csv")
    a_folder(folder)
    link.symlink_to("nowhere")
    good.write_text(GOOD)

    async def run() -> tuple[bool, list[IntervalMetered]]:
        stop = threading.Event()
        with GatewayBench(complex_, tmp_path, a_clock(), bus) as bench:
            rules = ReadingRules(estimate_after=timedelta(days=1), upload_dir=tmp_path / "uploads")
            clock = ManualClock(LATER, speed=60.0)
            running = asyncio.create_task(Gateway(Complexes(complex_), clock, bench.engine, rules).run(stop))
            for _ in range(LOOKS_MAX):
                await asyncio.sleep(LOOK_EVERY_S)
                if running.done() or bench.published(IntervalMetered):
                    break
            has_ended = running.done()
            stop.set()
            await asyncio.gather(running, return_exceptions=True)
            return has_ended, bench.published(IntervalMetered)

    has_ended, found = asyncio.run(run())

    assert not has_ended
    assert [one.import_wh for one in found] == [12_345]

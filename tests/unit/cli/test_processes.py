"""Child processes that end, and a disk that takes nothing."""

import os
import signal
import sys
from pathlib import Path

import pytest

from cli import processes
from cli.processes import Child, keep_short, stop_all
from cli.running import began

PYTHON = sys.executable


class Wall:
    """Seconds that a test lets pass."""

    s = 0.0

    def __call__(self) -> float:
        return self.s


def a_child(folder: Path, code: str, wall: Wall | None = None) -> Child:
    return Child("it", [PYTHON, "-c", code], {}, folder / "log" / "it.log", elapsed_s=wall or Wall())


def ended(child: Child) -> None:
    assert child.ended_within(60)


def test_child_that_ends_at_once_again_and_again_is_started_less_and_less_often(tmp_path: Path) -> None:
    wall, said = Wall(), list[str]()
    child = a_child(tmp_path, "raise SystemExit(3)", wall)
    child.start()
    waits_s = []

    for _ in range(7):
        ended(child)
        since_s = wall.s
        while not child.keep_running(said.append):
            wall.s += 1.0
        waits_s.append(wall.s - since_s)
    ended(child)

    # At once, then doubling from a second on, up to a quarter of a minute.
    assert waits_s == [0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert child.restarts == len(said) == 7
    assert said[0].startswith("it ended with code 3; starting it again now")
    assert said[5].startswith("it ended with code 3; starting it again in 15 s")
    assert not child.keeps_ending
    child.keep_running(said.append)
    assert child.keeps_ending


def test_child_that_ran_for_long_is_started_again_at_once(tmp_path: Path) -> None:
    wall, said = Wall(), list[str]()
    child = a_child(tmp_path, "pass", wall)
    child.start()
    for _ in range(3):
        ended(child)
        wall.s += 61.0
        assert child.keep_running(said.append)
    ended(child)

    assert child.ended_at_once == 1


def test_child_that_can_not_be_started_is_said_and_tried_again(tmp_path: Path) -> None:
    wall, said = Wall(), list[str]()
    child = a_child(tmp_path, "pass", wall)
    child.start()
    ended(child)
    child.command = ["/nowhere/at/all"]

    assert not child.keep_running(said.append)
    assert not child.keep_running(said.append)

    assert [line.split(":")[0] for line in said] == [
        "it ended with code 0; starting it again now (its log",
        "it could not be started",
    ]
    child.command = [PYTHON, "-c", "pass"]
    wall.s += 1.0
    assert child.keep_running(said.append)
    ended(child)


def test_child_whose_log_can_not_be_written_runs_without(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder of logs should be")
    child = a_child(tmp_path, "print('said to nobody')")

    child.start()

    ended(child)
    assert child.exit_code == 0


def test_log_is_cut_under_its_writer_and_its_older_part_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES_MAX", 10)
    log_file = tmp_path / "it.log"
    with log_file.open("ab", buffering=0) as log:
        log.write(b"0123456789")
        keep_short(log_file)
        assert log_file.read_bytes() == b"0123456789"
        log.write(b"x")

        keep_short(log_file)
        log.write(b"next")

    assert log_file.read_bytes() == b"next"
    assert (tmp_path / "it.log.1").read_bytes() == b"0123456789x"


def test_bound_of_a_log_holds_where_its_older_part_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES_MAX", 10)
    monkeypatch.setattr("shutil.copyfile", _no_room)
    log_file = tmp_path / "it.log"
    log_file.write_bytes(b"01234567890")

    keep_short(log_file)

    assert log_file.read_bytes() == b""


def test_children_that_do_not_stop_are_ended_with_what_they_started(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "own = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"draft = pathlib.Path({str(tmp_path)!r}, 'draft')\n"
        "draft.write_text(str(own.pid))\n"
        "draft.rename(draft.with_name('own'))\n"
        "time.sleep(600)\n"
    )
    child = a_child(tmp_path, code)
    child.start()
    while not (tmp_path / "own").exists():
        assert child.exit_code is None, child.last_words()
    own = int((tmp_path / "own").read_text())

    stop_all([child], wait_s=0.1)

    assert child.exit_code == -signal.SIGKILL
    assert child.pid is None
    # Its parent is gone: whoever takes orphans in reaps it in its own time, and it has ended before.
    while began(own) is not None:
        os.sched_yield()


def _no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")

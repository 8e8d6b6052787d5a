"""The supervisor of `sandan up`, with small children: it goes on whatever ends and whatever the disk refuses."""

import contextlib
import errno
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from cli.brokers import Broker
from cli.deployment import Deployment, Plan
from cli.processes import Child
from cli.running import Began, Running, process, running_in, this_process, write_running
from cli.supervisor import Note, watch
from cli.up import down, status
from shared.clock import monotonic_s, pause

WAIT_S = 60.0


@contextmanager
def watched(folder: Path) -> Iterator[Deployment]:
    """A deployment of one small child that is watched in a thread."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = Child("market", command, {}, folder / "log" / "market.log")
    deployment = Deployment(Plan(folder=folder, complexes=(), port=1), Broker("external", "x:1"), {"market": child})
    child.start()
    stop = threading.Event()
    watching = threading.Thread(target=watch, args=(deployment, Note(folder), stop))
    watching.start()
    try:
        yield deployment
    finally:
        stop.set()
        watching.join(WAIT_S)
        assert not watching.is_alive()
        assert child.exit_code is not None, "what it supervised runs on"


class FullLog(io.StringIO):
    """A log on a disk that takes nothing more."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, f"No space left on device for {len(text)} characters")


def until(done: Callable[[], bool]) -> None:
    give_up_at_s = monotonic_s() + WAIT_S
    while not done():
        assert monotonic_s() < give_up_at_s
        pause(0.01)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.supervisor.WATCH_EVERY_S", 0.01)


def test_supervisor_whose_disk_is_full_restarts_what_ends_and_writes_it_down_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "running.draft").symlink_to("/dev/full")
    with watched(tmp_path) as deployment:
        market = deployment.children["market"]
        market.kill()
        until(lambda: market.restarts == 1)
        assert running_in(tmp_path) is None

        (tmp_path / "running.draft").unlink()

        until(lambda: running_in(tmp_path) is not None)
        found = running_in(tmp_path)
        assert found is not None
        assert market.pid is not None
        assert found.processes == {"market": process(market.pid)}

    said = capsys.readouterr().err
    assert said.count("takes no writing now, going on without: [Errno 28] No space left on device") == 1
    assert said.count("takes writing again") == 1


def test_supervisor_whose_own_log_is_full_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path) as deployment:
        monkeypatch.setattr("sys.stderr", FullLog())
        market = deployment.children["market"]

        market.kill()

        until(lambda: market.restarts == 1)


def configuration_of(folder: Path) -> Path:
    path = folder / "deployment.yaml"
    path.write_text(json.dumps({"folder": str(folder)}))
    return path


def test_down_ends_what_a_killed_supervisor_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = Child("market", [sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path / "market.log")
    child.start()
    assert child.pid is not None
    left = process(child.pid)
    assert left is not None
    gone = Began(this_process().pid, "another boot/1")
    running = Running(supervisor=gone, console="http://127.0.0.1:1/", ready=True, processes={"market": left})
    write_running(tmp_path, running)

    with pytest.raises(typer.Exit):
        status(configuration_of(tmp_path))
    assert json.loads(capsys.readouterr().out)["processes"]["market"]["runs"] is True
    down(configuration_of(tmp_path))

    assert not left.runs
    assert child.ended_within(WAIT_S)
    assert json.loads(capsys.readouterr().out) == {"stopped": True, "still_running": []}
    assert not (tmp_path / "running.json").exists()


def test_down_says_what_it_could_not_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.supervisor.DOWN_WAIT_S", 0.0)
    monkeypatch.setattr("cli.supervisor.KILL_WAIT_S", 0.0)
    supervisor = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    found = process(supervisor.pid)
    assert found is not None
    write_running(tmp_path, Running(supervisor=found, console="http://127.0.0.1:1/"))

    # Nothing reaches that process: signals that a machine refuses are as none.
    with monkeypatch.context() as refusing:
        refusing.setattr("os.kill", lambda *_: None)
        with pytest.raises(typer.Exit) as ended:
            down(configuration_of(tmp_path))
    supervisor.kill()
    supervisor.wait()

    told = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert json.loads(told.out) == {"stopped": False, "still_running": ["supervisor"]}
    assert told.err == f"supervisor still runs: process {supervisor.pid}\n"
    assert (tmp_path / "running.json").exists()


@pytest.mark.parametrize("verb", [status, down])
def test_file_of_a_system_that_is_gone_is_not_taken_for_one_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: Callable[[Path], None]
) -> None:
    # The machine has given the supervisor's process id to another program since: to this one.
    this = Began(this_process().pid, "another boot/1")
    write_running(tmp_path, Running(supervisor=this, console="http://127.0.0.1:1/", ready=True))

    with contextlib.suppress(typer.Exit):
        verb(configuration_of(tmp_path))

    told = json.loads(capsys.readouterr().out)
    assert told["running" if verb is status else "stopped"] is False

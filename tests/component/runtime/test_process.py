"""What every process does alike: it ends when it is told to, and its heartbeat says that it can do its work."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import generate_latest

from shared.clock import WallClock
from shared.complex.complexes import Complexes
from shared.db.engine import open_engine
from shared.db.tables import new_metadata
from shared.events.planner import StudyFailed
from shared.paths import ROOT
from shared.runtime.runloop import Service
from shared.runtime.service_main import EXIT_NOT_STOPPED, Context, serve
from simulation.bus import MemoryBus

# It waits for what never comes, as a library may that is asked for something by a hung peer.
DEAF = """
import threading
from shared.runtime.service_main import log_as_json, stop_on_signals
log_as_json("INFO")
stop_on_signals(end_after_s=0.1)
print("ready", flush=True)
threading.Event().wait()
"""


def test_what_has_not_stopped_in_time_is_ended_and_says_so() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)

    assert process.returncode == EXIT_NOT_STOPPED
    assert "not stopped in time, ending at once" in log


def test_a_process_whose_tick_had_to_be_undone_shows_no_heartbeat(tmp_path: Path) -> None:
    engine = open_engine(sa.make_url(f"sqlite:///{tmp_path / 'planner.db'}"))
    new_metadata().create_all(engine)
    stop, ticked = threading.Event(), threading.Event()

    def tick(*_: object) -> list[StudyFailed]:
        ticked.set()
        return [StudyFailed(complex_id="c", study_id="s", reason="x" * 1_000_000)]

    # It reads, so that it has joined at once, and the bus answers.
    service = Service(name="planner", complexes=(), handlers={StudyFailed: lambda *_: []}, tick=tick)
    bus = MemoryBus()
    context = Context(
        service="planner",
        complexes=Complexes(),
        clock=WallClock(),
        engine=engine,
        bus=bus,
        heartbeat_file=tmp_path / "alive",
    )
    thread = threading.Thread(target=serve, args=(service, context, stop))
    thread.start()
    assert ticked.wait(60)
    stop.set()
    thread.join()
    engine.dispose()

    assert bus.acknowledged.well()
    assert "sandan_ticks_undone_total 1.0" in generate_latest(context.metrics.registry).decode().splitlines()
    assert not context.heartbeat_file.exists()

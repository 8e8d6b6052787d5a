"""What every service's `__main__` does alike: settings, logs, signals, heartbeat, and the run loop until the end."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from sqlalchemy.engine import Engine

from shared import failpoints
from shared.bus.opening import open_bus
from shared.bus.port import Bus
from shared.clock import Clock, SharedClock, clock_from, monotonic_s, touch
from shared.complex.complexes import Complexes, load_complexes
from shared.db.engine import end_soon, open_engine, service_url
from shared.db.revisions import require_newest
from shared.db.writer import Writer
from shared.events.topics import SERVICES
from shared.runtime.clock_guard import guarded
from shared.runtime.logs import log_as_json
from shared.runtime.metrics import BROKER_OWING, BROKER_SILENCE, Metrics, served
from shared.runtime.publishing import OutboxPublisher
from shared.runtime.runloop import PASSING_FAULTS, RunLoop, Service
from shared.settings import DeploymentSettings, load, made_folder

logger = logging.getLogger(__name__)

# How long the loop waits for a message: while something is due, and while nothing is.
POLL_WAIT_S, QUIET_WAIT_S = 0.05, 1.0
# So few messages are taken in together with those that come next, where nobody waits for them.
FEW, PACE_S = 100, 0.1
RETRY_WAIT_S_MIN, RETRY_WAIT_S_MAX = 0.2, 5.0
# Whoever asked a process to stop waits for ten seconds.
STOP_S_MAX = 9.0
EXIT_NOT_STOPPED = 3


@dataclass(frozen=True)
class Context:
    """What a service is built from; `simulated_clock` is the clock without its guard, where its speed can be set."""

    service: str
    complexes: Complexes
    clock: Clock
    engine: Engine
    bus: Bus
    heartbeat_file: Path
    simulated_clock: SharedClock | None = None
    metrics: Metrics = field(default_factory=Metrics)
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None


def open_context(service: str, *, wait: bool = True) -> Context:
    """Read the deployment's settings and open what they name.

    With `wait` it returns once the database answers and has the newest schema; without, that is the caller's to see to.
    """
    settings = load(DeploymentSettings)
    log_as_json(settings.log_level)
    failpoints.arm(settings.failpoint)
    engine = open_engine(service_url(settings.database_url, service), answer_s=settings.database_timeout_s)
    made_folder(settings.run_dir, setting="SANDAN_RUN_DIR")
    if wait:
        patiently(lambda: require_newest(engine, service), threading.Event())
    clock = clock_from(settings.clock_file)
    return Context(
        service=service,
        complexes=load_complexes(settings.complexes),
        clock=guarded(clock, settings.run_dir, service),
        simulated_clock=clock if isinstance(clock, SharedClock) else None,
        engine=engine,
        bus=open_bus(settings, service),
        heartbeat_file=settings.run_dir / f"{service}.alive",
        metrics=Metrics(service=service),
        metrics_host=settings.metrics_host,
        # The processes of a machine share their settings: each has the port of its place in the list of services.
        metrics_port=None if settings.metrics_port is None else settings.metrics_port + SERVICES.index(service),
    )


def stop_on_signals(end_after_s: float | None = STOP_S_MAX) -> threading.Event:
    """Return an event that SIGTERM and SIGINT set.

    Our own waits are shorter than `end_after_s`, a library's may not be: what has not ended by itself then is ended,
    which is as safe as a kill -9 at that place. None lets it take its time.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        if end_after_s is not None and not stop.is_set():
            last_resort = threading.Timer(end_after_s, _end)
            last_resort.daemon = True
            last_resort.start()
        stop.set()
        end_soon()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def _end() -> None:
    logger.error("not stopped in time, ending at once", extra={"after_s": STOP_S_MAX})
    os._exit(EXIT_NOT_STOPPED)


def patiently(work: Callable[[], None], stop: threading.Event) -> bool:
    """Do a piece of work, again after each passing fault and a growing wait; say whether it was done before `stop`."""
    wait_s = RETRY_WAIT_S_MIN
    while not stop.is_set():
        try:
            work()
        except PASSING_FAULTS as fault:
            logger.warning(
                "waiting for the broker, the database or the clock", extra={"reason": str(fault), "wait_s": wait_s}
            )
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, RETRY_WAIT_S_MAX)
        else:
            return True
    return False


def serve(service: Service, context: Context, stop: threading.Event, writer: Writer | None = None) -> None:
    """Run a service's loop until `stop` is set; passing faults are waited out, anything else ends the process.

    Args:
        service: What to run.
        context: What it runs with.
        stop: Set when it is to end.
        writer: Where other threads of the process write too: what they commit is published at once.
    """
    # What is there now stays: the garbage collector need not look it through again and again, a seventh of all work.
    gc.freeze()
    context.bus.heed(stop)
    with served(context.metrics, context.metrics_host, context.metrics_port):
        loop = RunLoop(service, context.bus, context.engine, context.clock, figures=context.metrics)
        if writer is None:
            _run_loop(loop, context, stop)
            return
        outbox = OutboxPublisher(service.name, context.bus, context.engine, context.metrics, writer.begin)
        writer.after_commit(outbox.wake)
        loop.write_beside_others(writer.begin, outbox)
        with _published(outbox, stop):
            _run_loop(loop, context, stop, pace_s=PACE_S)


@contextmanager
def _published(outbox: OutboxPublisher, stop: threading.Event) -> Iterator[None]:
    """Publish in a thread beside; its end is the run loop's, too."""
    ended_by: list[BaseException] = []

    def run() -> None:
        try:
            while patiently(outbox.publish, stop):
                outbox.wait()
        except BaseException as error:  # noqa: BLE001 -- handed to the run loop's thread, which raises it
            ended_by.append(error)
        finally:
            stop.set()
            outbox.close()

    thread = threading.Thread(target=run, name="publisher")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        outbox.wake()
        thread.join()
    if ended_by:
        raise ended_by[0]


def _run_loop(loop: RunLoop, context: Context, stop: threading.Event, *, pace_s: float = 0.0) -> None:
    """Run rounds until `stop` is set; one that took little in is not followed by another within `pace_s`."""
    beaten_at: float | None = None
    try:
        while patiently(lambda: _step(loop, context, stop, pace_s), stop):
            if loop.reads_nothing:
                stop.wait(loop.quiet_s(QUIET_WAIT_S, POLL_WAIT_S))
            if not context.bus.acknowledged.well() or loop.held_up:
                continue
            # The first heartbeat says that the service is ready, and so waits for its place in the group.
            if loop.joined() if beaten_at is None else monotonic_s() - beaten_at >= 1:
                touch(context.heartbeat_file)
                beaten_at = monotonic_s()
    finally:
        loop.close()


def _step(loop: RunLoop, context: Context, stop: threading.Event, pace_s: float) -> None:
    context.metrics.show(BROKER_SILENCE, context.bus.acknowledged.silence_s())
    context.metrics.show(BROKER_OWING, context.bus.acknowledged.owing_s())
    taken = loop.step(loop.quiet_s(QUIET_WAIT_S, POLL_WAIT_S))
    if 0 < taken < FEW:
        stop.wait(pace_s)

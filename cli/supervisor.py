"""What `sandan up` runs, and what `status` and `down` ask of it: a system on the wall clock, kept running."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from cli.deployment import PROCESSES, Deployment, Plan, open_deployment
from cli.prepare import write_history
from cli.processes import KILL_WAIT_S, STOP_WAIT_S, keep_short
from cli.running import Began, Running, forget_running, processes_of, running_in, this_process, write_running
from cli.starting import StartStopped, StartWait, without_fail
from shared import yaml_text
from shared.clock import monotonic_s, pause, wall_now
from shared.complex.complexes import load_complexes
from shared.errors import BadInput
from shared.paths import DEMO_COMPLEX, DEPLOYMENTS
from shared.runtime.heartbeat import HEARTBEAT_S_MAX, heartbeat_age_s
from shared.runtime.service_main import stop_on_signals
from shared.validation import checked

LOG_NAME = "supervisor.log"
WATCH_EVERY_S = 1.0
# The services get their time to stop, the broker after them its own, and the supervisor a little for itself.
DOWN_WAIT_S = 2 * (STOP_WAIT_S + KILL_WAIT_S) + 5.0


class Configuration(BaseModel):
    """What the configuration file of `sandan up` may say (YAML); every field has a default that works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    complexes: tuple[Path, ...] = Field(default=(DEMO_COMPLEX,), min_length=1)
    port: int = Field(default=8000, ge=1, le=65_535)
    database_url: str | None = None
    folder: Path = DEPLOYMENTS / "up"
    simulated_devices: bool = True
    history_file: Path | None = None
    start_wait_s: float | None = Field(default=None, gt=0)


class Note:
    """What the supervisor has written down about itself, kept up to date as far as the disk allows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: Running | None = None
        self._is_refused = False

    def keep(self, running: Running) -> None:
        """Write down what has changed; a disk that refuses it is asked again the next time."""
        if running == self._written:
            return
        try:
            write_running(self._folder, running)
        except OSError as fault:
            if not self._is_refused:
                say(f"{self._folder} takes no writing now, going on without: {fault}")
            self._is_refused = True
            return
        if self._is_refused:
            say(f"{self._folder} takes writing again")
        self._written, self._is_refused = running, False


def start_in_background(configuration: Configuration, config: Path | None) -> Running:
    """Start a supervisor that outlives this process, and return what it runs once all of it is ready.

    Args:
        configuration: What to run.
        config: The file that it was read from, for the supervisor to read again.
    """
    folder = configuration.folder
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cli.main", "up", "--foreground"]
    command += [] if config is None else ["--config", str(config)]
    log_file = folder / LOG_NAME
    log_file.unlink(missing_ok=True)
    with log_file.open("ab") as log:
        supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    return _wait_for(supervisor, folder, log_file)


def _wait_for(supervisor: subprocess.Popen[bytes], folder: Path, log_file: Path) -> Running:
    """Wait until a system that is starting is ready, telling what its supervisor says; Ctrl-C calls the start off."""
    try:
        with log_file.open(errors="replace") as said:
            while (found := running_in(folder)) is None or not found.ready:
                if supervisor.poll() is not None:
                    last = log_file.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
                    where, hint = "deployment", str(log_file)
                    raise BadInput(where=where, field="sandan up", rule="must start", value=last[0], hint=hint)
                sys.stderr.write(said.read())
                pause(0.2)
    except KeyboardInterrupt:
        supervisor.terminate()
        raise
    return found


def state_of(folder: Path, found: Running, name: str) -> dict[str, Any]:
    """Return how one process does: that of the broker has no heartbeat, it is well where it runs."""
    known = found.processes[name]
    age_s = heartbeat_age_s(folder / "run", name)
    beats = name not in PROCESSES or (age_s is not None and age_s < HEARTBEAT_S_MAX)
    shown = None if age_s is None else round(age_s, 1)
    return {"pid": known.pid, "runs": known.runs, "well": known.runs and beats, "heartbeat_age_s": shown}


def end(found: Running) -> Mapping[str, Began]:
    """End all that runs of a system, its supervisor first and in order, then by force; return what nothing ends."""
    left = found.left()
    for number, wait_s in ((signal.SIGTERM, DOWN_WAIT_S), (signal.SIGKILL, KILL_WAIT_S)):
        asked = [found.supervisor] if number == signal.SIGTERM and found.supervisor.runs else [*left.values()]
        for one in asked:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one.pid, number)
        give_up_at_s = monotonic_s() + wait_s
        while (left := {name: one for name, one in left.items() if one.runs}) and monotonic_s() < give_up_at_s:
            pause(0.1)
    return left


def read_configuration(path: Path | None) -> Configuration:
    """Read a configuration file; None gives the defaults."""
    if path is None:
        return Configuration()
    try:
        content = yaml_text.parse(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise BadInput(where=str(path), field="--config", rule="must be a readable YAML file", value=first) from None
    return checked(Configuration, content, where=str(path))


def refuse_second(folder: Path) -> None:
    """Refuse to start beside a system of the same folder.

    Raises:
        BadInput: Something of it runs.
    """
    running = running_in(folder)
    if running is not None:
        left = ", ".join(f"{name} (process {one.pid})" for name, one in running.left().items())
        rule = "must not run yet"
        raise BadInput(where="deployment", field="sandan up", rule=rule, value=left, hint="sandan down")


def supervise(configuration: Configuration) -> None:
    """Run the system until SIGTERM or SIGINT, starting again whatever ends."""
    folder = configuration.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Its children are given their time, one after the other.
    stop = stop_on_signals(end_after_s=None)
    plan = Plan(
        folder=folder,
        complexes=configuration.complexes,
        port=configuration.port,
        database_url=configuration.database_url,
        history_file=configuration.history_file,
        simulated_devices=configuration.simulated_devices,
    )
    note = Note(folder)
    try:
        note.keep(Running(supervisor=this_process(), console=plan.console_url))
        if plan.history_file is None and plan.simulated_devices:
            plan = replace(plan, history_file=_simulated_history(plan))
        watch(open_deployment(plan, say, StartWait(configuration.start_wait_s, stop)), note, stop)
    except StartStopped:
        say("the start was called off")
    finally:
        forget_running(folder)


def watch(deployment: Deployment, note: Note, stop: threading.Event) -> None:
    """Keep a system running until told to stop, and stop it then.

    What supervises never dies of what it supervises: whatever ends is started again, and what the disk refuses is
    tried again.
    """
    this = this_process()
    try:
        while not stop.is_set():
            deployment.keep_running(say)
            keep_short(deployment.plan.folder / LOG_NAME)
            note.keep(_seen(deployment, this))
            stop.wait(WATCH_EVERY_S)
    finally:
        deployment.stop()


def _seen(deployment: Deployment, supervisor: Began) -> Running:
    broker = deployment.broker
    children = [*([] if broker.child is None else [broker.child]), *deployment.children.values()]
    return Running(
        supervisor=supervisor,
        console=deployment.plan.console_url,
        broker=broker.kind,
        ready=True,
        processes=processes_of(children),
    )


def _simulated_history(plan: Plan) -> Path:
    path = plan.folder / "history.parquet"
    if not path.exists():
        say("making the meter history of the four weeks before")
        draft = path.with_stem("draft")
        write_history(draft, load_complexes(plan.complexes).values(), until=wall_now())
        draft.replace(path)
    return path


@without_fail
def say(message: str) -> None:
    """Tell the supervisor's log."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()

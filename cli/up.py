"""`sandan up`, `status` and `down`: the same system on the wall clock, in the background."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field

from cli.deployment import DEFAULT_FOLDER, Deployment, Plan, open_deployment
from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer
from cli.prepare import write_history
from cli.processes import require_free_port
from shared.alive import HEARTBEAT_S_MAX, heartbeat_age_s
from shared.clock import monotonic_s, pause, wall_now
from shared.complexes import load_complexes
from shared.errors import BadInput
from shared.paths import DEMO_COMPLEX
from shared.process import stop_on_signals
from shared.validation import checked

START_WAIT_S = 120.0
STOP_WAIT_S = 30.0


class Configuration(BaseModel):
    """What the configuration file of `sandan up` may say (YAML); every field has a default that works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    complexes: tuple[Path, ...] = Field(default=(DEMO_COMPLEX,), min_length=1)
    port: int = Field(default=8000, ge=1, le=65_535)
    database_url: str | None = None
    folder: Path = DEFAULT_FOLDER / "up"
    simulated_devices: bool = True
    history_file: Path | None = None


@dataclass(frozen=True)
class Running:
    """What a running system's supervisor has written down."""

    pid: int
    broker: str
    console: str
    processes: dict[str, int]


def up(
    config: Annotated[Path | None, typer.Option(help="Configuration (YAML); see README. / 설정 파일.")] = None,
    *,
    foreground: Annotated[bool, typer.Option(help="Stay here until Ctrl-C. / 포그라운드 실행.")] = False,
    pretty: Pretty = False,
) -> None:
    """Run the system on the wall clock, in the background. / 실시간 시계로 시스템을 시작."""
    configuration = read_configuration(config)
    found = running_in(configuration.folder)
    if found is not None:
        raise BadInput(
            where="deployment", field="sandan up", rule="must not run yet", value=f"pid {found.pid}", hint="sandan down"
        )
    require_free_port(configuration.port, setting="port")
    if foreground:
        supervise(configuration)
        return
    configuration.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cli.main", "up", "--foreground"]
    command += [] if config is None else ["--config", str(config)]
    log_file = configuration.folder / "supervisor.log"
    with log_file.open("wb") as log:
        supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    give_up_at = monotonic_s() + START_WAIT_S
    while (found := running_in(configuration.folder)) is None:
        if supervisor.poll() is not None or monotonic_s() >= give_up_at:
            last = log_file.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise BadInput(where="deployment", field="sandan up", rule="must start", value=last[0], hint=str(log_file))
        pause(0.2)
    keys_file = configuration.folder / "keys.json"
    print_answer({"console": found.console, "broker": found.broker, "keys": str(keys_file)}, pretty=pretty)


def status(
    config: Annotated[Path | None, typer.Option(help="The configuration given to `sandan up`.")] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Say which processes run and when each was last alive; exit 1 if one is not well. / 상태 확인."""
    folder = read_configuration(config).folder
    found = running_in(folder)
    processes: dict[str, dict[str, Any]] = {}
    for name, pid in (found.processes if found else {}).items():
        age_s = heartbeat_age_s(folder / "run", name)
        well = age_s is not None and age_s < HEARTBEAT_S_MAX
        processes[name] = {"pid": pid, "well": well, "heartbeat_age_s": None if age_s is None else round(age_s, 1)}
    well = found is not None and all(one["well"] for one in processes.values())
    answer = {"running": found is not None, "well": well, "console": found.console if found else None}
    print_answer({**answer, "processes": processes}, pretty=pretty)
    if not well:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def down(
    config: Annotated[Path | None, typer.Option(help="The configuration given to `sandan up`.")] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Stop the system; nothing is lost. / 시스템 종료."""
    folder = read_configuration(config).folder
    found = running_in(folder)
    if found is not None:
        os.kill(found.pid, signal.SIGTERM)
        give_up_at = monotonic_s() + STOP_WAIT_S
        while running_in(folder) is not None and monotonic_s() < give_up_at:
            pause(0.1)
    print_answer({"stopped": found is not None}, pretty=pretty)


def read_configuration(path: Path | None) -> Configuration:
    """Read a configuration file; None gives the defaults."""
    if path is None:
        return Configuration()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise BadInput(where=str(path), field="--config", rule="must be a readable YAML file", value=first) from None
    return checked(Configuration, content, where=str(path))


def running_in(folder: Path) -> Running | None:
    """Return what runs in a deployment's folder, or None when nothing does."""
    try:
        found = Running(**json.loads((folder / "running.json").read_text()))
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return found


def supervise(configuration: Configuration) -> None:
    """Run the system until SIGTERM or SIGINT, starting again whatever ends."""
    folder = configuration.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    history_file = configuration.history_file
    if history_file is None and configuration.simulated_devices:
        history_file = folder / "history.csv"
        if not history_file.exists():
            write_history(history_file, load_complexes(configuration.complexes).values(), until=wall_now())
    plan = Plan(
        folder=folder,
        complexes=configuration.complexes,
        port=configuration.port,
        database_url=configuration.database_url,
        history_file=history_file,
        simulated_devices=configuration.simulated_devices,
    )
    # Its children are given their time, one after the other.
    stop = stop_on_signals(end_after_s=None)
    deployment = open_deployment(plan, _say)
    running_file = folder / "running.json"
    try:
        while not stop.is_set():
            _write_running(running_file, deployment)
            stop.wait(1)
            deployment.restart_ended(_say)
    finally:
        running_file.unlink(missing_ok=True)
        deployment.stop()


def _write_running(path: Path, deployment: Deployment) -> None:
    facts = {
        "pid": os.getpid(),
        "broker": deployment.broker.kind,
        "console": deployment.plan.console_url,
        "processes": {name: child.pid for name, child in deployment.children.items() if child.pid is not None},
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(facts))
    draft.replace(path)


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")

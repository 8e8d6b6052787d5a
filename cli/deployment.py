"""One running system on this machine: its folder, its broker, its processes."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.brokers import Broker, launch_broker
from cli.prepare import write_keys
from cli.processes import Child, stop_all
from cli.starting import Say, StartWait
from shared.complex.complexes import load_complexes
from shared.db.migrating import upgrade
from shared.errors import BadInput
from shared.events.topics import SERVICES
from shared.runtime.heartbeat import HEARTBEAT_S_MAX, heartbeat_age_s

# Each by its module; the simulator stands in for the devices in the field, and is no service.
PROCESSES: Mapping[str, str] = {
    "fems_simulator": "services.fems.simulator",
    **{service: f"services.{service}" for service in SERVICES},
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run.

    Attributes:
        folder: Where databases, logs, heartbeats, keys and the clock are kept.
        complexes: The complex files.
        port: Of the trading API and the console.
        database_url: As SANDAN_DATABASE_URL; None: SQLite in the folder.
        clock_file: A simulated clock's file; None: the wall clock.
        history_file: Meter history from before the first day, or None.
        simulated_devices: Whether to start the simulator of the field devices.
        scenes_dir: By which a demo's scenes are asked for; None: nothing is staged.
    """

    folder: Path
    complexes: tuple[Path, ...]
    port: int
    database_url: str | None = None
    clock_file: Path | None = None
    history_file: Path | None = None
    simulated_devices: bool = True
    scenes_dir: Path | None = None

    @property
    def console_url(self) -> str:
        """Return the address of the console."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def keys_file(self) -> Path:
        """Return the file with the API keys that were made for this deployment."""
        return self.folder / "keys.json"

    @property
    def base_url(self) -> str:
        """Return the database setting that the processes get."""
        return self.database_url or f"sqlite:///{self.folder / 'data'}"

    def environment(self, bootstrap_servers: str) -> dict[str, str]:
        """Return the environment of the processes."""
        settings = {
            "SANDAN_COMPLEXES": json.dumps([str(path.resolve()) for path in self.complexes]),
            "SANDAN_DATABASE_URL": self.base_url,
            "SANDAN_RUN_DIR": str(self.folder / "run"),
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "FEMS_FIELD_DIR": str(self.folder / "field"),
            "TRADING_API_PORT": str(self.port),
            "TRADING_API_BOOTSTRAP_KEYS_FILE": str(self.keys_file),
            "PYTHONUNBUFFERED": "1",
            # One thread each: eight processes share the machine, and their matrices are small.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        if self.clock_file is not None:
            settings["SANDAN_CLOCK_FILE"] = str(self.clock_file)
        if self.scenes_dir is not None:
            settings["TRADING_API_SCENES_DIR"] = str(self.scenes_dir)
        if self.history_file is not None:
            settings["FORECAST_HISTORY_FILE"] = str(self.history_file)
            settings["PLANNER_HISTORY_FILE"] = str(self.history_file)
        return settings


@dataclass
class Deployment:
    """A plan that runs."""

    plan: Plan
    broker: Broker
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, names: Sequence[str] | None = None) -> None:
        """Start the processes (all, or some by name)."""
        environment = self.plan.environment(self.broker.bootstrap_servers)
        for name in names or self._wanted():
            command = [sys.executable, "-m", PROCESSES[name]]
            log_file = self.plan.folder / "log" / f"{name}.log"
            child = self.children.setdefault(name, Child(name, command, environment, log_file))
            self._heartbeat_file(name).unlink(missing_ok=True)
            child.start()

    def wait_until_ready(self, say: Say, wait: StartWait) -> None:
        """Wait for every process's first heartbeat.

        Raises:
            BadInput: A process ended, with its own words, or is not ready within the time allowed.
        """
        waiting = dict(self.children)

        def done() -> bool:
            for name, child in list(waiting.items()):
                if self._heartbeat_file(name).exists():
                    del waiting[name]
                elif child.exit_code is not None:
                    words = child.last_words()
                    raise BadInput(where=name, field="process", rule="must start", value=words, hint="see its log")
            return not waiting

        if not wait.until(done, say, lambda: f"{', '.join(waiting)} ({self._logs()})"):
            rule = f"must be ready within {wait.wait_s_max:.0f} s"
            raise BadInput(
                where="deployment", field=", ".join(waiting), rule=rule, value="not ready", hint=self._logs()
            )

    def keep_running(self, say: Say) -> None:
        """Start again whatever ended on its own; call it every second or so."""
        self.broker.keep_running(say)
        for child in self.children.values():
            child.keep_running(say)

    def keep_ending(self) -> list[str]:
        """Return the names of what ends at once however often it is started."""
        ours = [] if self.broker.child is None else [self.broker.child]
        return [child.name for child in (*ours, *self.children.values()) if child.keeps_ending]

    def silent(self) -> list[str]:
        """Return the names of the processes that have not been heard of for a while."""
        ages_s = {name: heartbeat_age_s(self.plan.folder / "run", name) for name in self.children}
        return [name for name, age_s in ages_s.items() if age_s is None or age_s > HEARTBEAT_S_MAX]

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time of each process so far, the broker included."""
        import psutil

        pids = {name: child.pid for name, child in self.children.items()}
        if self.broker.child is not None:
            pids["broker"] = self.broker.child.pid
        spent: dict[str, float] = {}
        for name, pid in pids.items():
            if pid is None:
                continue
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                spent[name] = round(sum(one.cpu_times().user + one.cpu_times().system for one in family), 1)
            except psutil.NoSuchProcess:
                continue
        return spent

    def stop(self) -> None:
        """Stop the processes, then the broker."""
        stop_all(self.children.values())
        self.broker.stop()

    def _wanted(self) -> list[str]:
        return [name for name in PROCESSES if self.plan.simulated_devices or name != "fems_simulator"]

    def _heartbeat_file(self, name: str) -> Path:
        return self.plan.folder / "run" / f"{name}.alive"

    def _logs(self) -> str:
        return f"see the logs in {self.plan.folder / 'log'}"


def open_deployment(
    plan: Plan, say: Say, wait: StartWait | None = None, *, prepare: Callable[[], None] = lambda: None
) -> Deployment:
    """Prepare a plan's databases, keys and broker, and start its processes; returns when all are ready.

    A broker of our own takes a second and more to start: meanwhile the files are prepared and the processes started,
    which wait for it and its topics.

    Args:
        plan: What to run.
        say: Takes a sentence for the person who waits.
        wait: How long a start may take; None: as long as what is starting lives.
        prepare: Makes what the plan names and is not there yet.

    Raises:
        BadInput: Something did not start, or not within the time allowed.
        StartStopped: Nothing is to be started any more.
    """
    wait = wait or StartWait()
    complexes = load_complexes(plan.complexes)
    plan.folder.mkdir(parents=True, exist_ok=True)
    (plan.folder / "run").mkdir(exist_ok=True)
    say("starting the broker")
    broker = launch_broker(plan.folder, say, wait)
    deployment = Deployment(plan, broker)
    try:
        if broker.child is None:
            # It may not be there at all, which is said before anything is made.
            broker.wait_until_it_answers(say, wait)
        say("preparing history, databases and keys")
        prepare()
        for service in SERVICES:
            upgrade(plan.base_url, service)
        write_keys(plan.keys_file, complexes.values())
        say(f"starting the services on {broker.kind}")
        deployment.start()
        if broker.child is not None:
            broker.wait_until_it_answers(say, wait)
        deployment.wait_until_ready(say, wait)
    except BaseException:
        deployment.stop()
        raise
    return deployment

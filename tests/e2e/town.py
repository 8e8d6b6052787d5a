"""A whole small complex on real processes, for tests: started, disturbed, stopped, and looked at afterwards."""

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from cli.deployment import Deployment, Plan, open_deployment
from cli.prepare import key_of, write_history
from cli.processes import free_port
from shared.clock import Pace, SharedClock, monotonic_s, pause, wall_now, write_pace
from shared.complex.model import load_complex
from shared.intervals import INTERVAL
from shared.paths import DEMO_COMPLEX

# While the processes live, what they have to do comes, however busy the machine. This only ends a test that is stuck.
WAIT_S = 1_800.0
CALL_WAIT_S = 60.0


@dataclass(frozen=True)
class Town:
    """A running complex with its clock."""

    deployment: Deployment
    complex_id: str
    start: datetime
    _restarting: set[str] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return self.deployment.plan.folder

    def now(self) -> datetime:
        return SharedClock(self.folder / "clock.json").now()

    def let_time_pass(self, speed: float) -> None:
        write_pace(self.folder / "clock.json", Pace(start=self.now(), speed=speed, epoch=wall_now()))

    def hold_at(self, instant: datetime | None) -> None:
        """Let the clock stand from an instant on, until told otherwise: a slow machine then misses nothing."""
        SharedClock(self.folder / "clock.json").go_until(instant)

    def wait_until(self, instant: datetime) -> None:
        self.wait_for(lambda: self.now() >= instant, lambda: f"the clock never reached {instant}")

    def wait_for(self, done: Callable[[], bool], missing: Callable[[], str]) -> None:
        """Wait for something that the town's processes do, for as long as all of them live."""
        give_up_at = monotonic_s() + WAIT_S
        while not done():
            children = self.deployment.children.items()
            ended = {name: child.last_words() for name, child in children if child.exit_code is not None}
            assert ended.keys() <= self._restarting, ended
            assert monotonic_s() < give_up_at, missing()
            pause(0.1)

    def wait_until_settled(self, *starts: datetime) -> None:
        """Wait until some intervals of every complex are settled."""
        complexes = len(self.deployment.plan.complexes)
        wanted = {(_microseconds(start), complexes) for start in starts}
        query = "select delivery_start, count(*) as settled from settled_interval group by delivery_start"

        def missing() -> set[tuple[int, int]]:
            return wanted - {tuple(row.values()) for row in self.rows("settlement", query)}

        self.wait_for(lambda: not missing(), lambda: f"never settled: {sorted(missing())}")

    def wait_until_reported(self, intervals: int) -> dict[str, Any]:
        """Wait until the trading API has heard of so many settled intervals of the day, and return its report."""

        def report() -> dict[str, Any]:
            found: dict[str, Any] = self.call("GET", f"/report?day={self.start.date()}", "operator")
            return found

        def heard() -> int:
            try:
                settled: int = report()["intervals_settled"]
            except urllib.error.HTTPError:
                raise
            except OSError:
                return 0  # it was killed, and is not back yet
            return settled

        self.wait_for(lambda: heard() >= intervals, lambda: f"{heard()} of {intervals} intervals are in the report")
        return report()

    def call(
        self,
        method: str,
        path: str,
        role: str,
        body: object = None,
        *,
        participant_id: str | None = None,
        complex_id: str | None = None,
    ) -> Any:
        """Call the trading API and return the answer's JSON; HTTP errors are raised."""
        plan = self.deployment.plan
        complex_id = complex_id or self.complex_id
        key = key_of(plan.keys_file, role=role, complex_id=complex_id, participant_id=participant_id)
        request = urllib.request.Request(
            f"{plan.console_url}api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=CALL_WAIT_S) as answer:
            return json.load(answer)

    def submit(self, order: dict[str, Any], participant_id: str) -> dict[str, Any]:
        """Submit an order until it is acknowledged, however often the API is away."""
        give_up_at = monotonic_s() + WAIT_S
        while True:
            try:
                answer: dict[str, Any] = self.call("POST", "/orders", "factory", order, participant_id=participant_id)
            except urllib.error.HTTPError as error:
                if error.code not in {429, 503}:
                    raise
            except OSError:
                pass
            else:
                return answer
            assert monotonic_s() < give_up_at, "the trading API never came back"
            pause(0.1)

    def kill_and_restart(self, name: str) -> None:
        """Kill a process with -9 and start it again."""
        child = self.deployment.children[name]
        self._restarting.add(name)
        child.kill()
        child.start()
        self._restarting.remove(name)

    def rows(self, service: str, query: str) -> list[dict[str, Any]]:
        """Return what a query finds in a service's database, read-only."""
        path = self.folder / "data" / f"{service}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query)]


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """What a town's complex is made of: some of the demo's factories."""

    complex_id: str
    factories: tuple[str, ...]
    automatic: bool = True
    batteries: bool = True

    def write(self, path: Path) -> None:
        content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
        content["complex_id"] = self.complex_id
        content["participants"] = [one for one in content["participants"] if one["participant_id"] in self.factories]
        for one in content["participants"]:
            one["bidding"]["mode"] = "automatic" if self.automatic else "manual"
            if not self.batteries:
                one["ess"] = []
        for feeder in content["feeders"]:
            # What these towns show is counted by factories' meters.
            feeder.pop("meter")
        content["field_network"] = {"host": "127.0.0.1", "port": free_port(), "poll_interval_s": 300}
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


@contextmanager
def a_town(folder: Path, start: datetime, *sketches: Sketch) -> Iterator[Town]:
    """Start some complexes in one deployment with a broker of its own, the clock standing at `start`."""
    files = []
    for sketch in sketches:
        files.append(folder / f"{sketch.complex_id}.yaml")
        sketch.write(files[-1])
    write_pace(folder / "clock.json", Pace(start=start, speed=1, epoch=None))
    write_history(folder / "history.csv", [load_complex(path) for path in files], until=start)
    plan = Plan(
        folder=folder,
        complexes=tuple(files),
        port=free_port(),
        clock_file=folder / "clock.json",
        history_file=folder / "history.csv",
    )
    deployment = open_deployment(plan, print)
    try:
        yield Town(deployment, sketches[0].complex_id, start)
    finally:
        deployment.stop()


def quarter(start: datetime, number: int) -> datetime:
    """Return the number-th delivery interval from one on."""
    return start + number * INTERVAL


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1_000_000

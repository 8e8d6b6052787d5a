"""The tutorial beside a running demo: every command of it, in its order, and every scene; the books balance."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.api_calls import ApiSilent, call
from cli.processes import free_port
from shared.clock import monotonic_s, pause
from shared.paths import DEPLOYMENTS, ROOT
from shared.scenes import SceneName
from tests.docs.console_blocks import commands_in

# This only ends a test that is stuck.
WAIT_S = 1_800.0
TUTORIALS = ("docs/tutorial.md", "docs/ko/tutorial.md")
# What the reader has done before: the demo runs, and `sandan` is found.
BEFORE = ("make demo", ". .venv/bin/activate")
# What is looked at when the day is over, and not before.
AFTER_THE_DAY = re.compile("statements|matching|replay|audit|energy|whatif")


@dataclass(frozen=True)
class RunningDemo:
    """A demo, the port that it serves at, and where its summary of the day goes."""

    process: subprocess.Popen[str]
    port: int
    report_file: Path

    @property
    def folder(self) -> Path:
        return DEPLOYMENTS / f"demo-{self.port}"

    def operator(self, path: str) -> Any:
        """Return what the API tells the operator; None while it does not answer."""
        keys = json.loads((self.folder / "keys.json").read_text())
        key = next(one["key"] for one in keys if one["role"] == "operator")
        try:
            return call(f"http://127.0.0.1:{self.port}/", key, "GET", path)
        except ApiSilent:
            return None


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    port, report_file = free_port(), tmp_path / "report.json"
    options = ["--speed", "600", "--port", str(port), "--report", str(report_file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # The links are the last that is said before the day.
    assert process.stderr is not None
    for line in process.stderr:
        if "sandan keys" in line:
            break
    yield RunningDemo(process, port, report_file)
    process.kill()
    process.communicate()


def typed(demo: RunningDemo, folder: Path, commands: list[str]) -> None:
    """Type commands into one shell, one after the other, as a reader does."""
    places = [("127.0.0.1:8000", f"127.0.0.1:{demo.port}"), ("var/demo-8000", str(demo.folder))]
    lines = ["set -eu"]
    for command in commands:
        # curl calls it a success when an answer is a problem.
        here = command.replace("curl -sS ", "curl -sS --fail-with-body ")
        for shown, place in places:
            here = here.replace(shown, place)
        lines.append(re.sub(r"^sandan scene\b", f"sandan scene --port {demo.port}", here))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    shell = ["bash", "-c", "\n".join(lines)]
    environment = {**os.environ, "PATH": path}
    ended = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"


def wait_for(demo: RunningDemo, done: Any, missing: str) -> None:
    give_up_at_s = monotonic_s() + WAIT_S
    while not done():
        assert demo.process.poll() is None, demo.process.communicate()
        assert monotonic_s() < give_up_at_s, missing
        pause(0.5)


def test_the_tutorials_show_the_same_commands() -> None:
    english, korean = ([command.text for command in commands_in(ROOT / one)] for one in TUTORIALS)

    assert english == korean


def test_a_reader_follows_the_tutorial_to_its_end(demo: RunningDemo, tmp_path: Path) -> None:
    commands = [one.text for one in commands_in(ROOT / TUTORIALS[0]) if not one.text.startswith(BEFORE)]
    key = [text for text in commands if text.startswith("KEY=")]
    by_day = [text for text in commands if not AFTER_THE_DAY.search(text)]
    after = [text for text in commands if AFTER_THE_DAY.search(text)]

    typed(demo, tmp_path, by_day)
    scenes = {text.split()[-1] for text in by_day if text.startswith("sandan scene ")}
    wait_for(demo, demo.report_file.exists, "the day never ended")
    typed(demo, tmp_path, [*key, *after])

    assert scenes == set(SceneName)
    told = {one["name"]: one for one in demo.operator("scenes")["items"]}
    assert {name: one["state"] for name, one in told.items()} == dict.fromkeys(SceneName, "over"), told
    report = json.loads(demo.report_file.read_text())
    assert report["balanced"]
    assert report["ledger_sum_krw"] == report["dead_letters"] == report["late_events"] == 0
    assert report["intervals_settled"] == report["intervals"]
    # While the market is halted, auctions are held and trade nothing.
    assert report["auctions_cleared"] < report["intervals"]
    assert_scenes_were_seen(demo)
    demo.process.send_signal(signal.SIGINT)
    demo.process.communicate(timeout=WAIT_S)
    assert demo.process.returncode in {0, -signal.SIGINT, 130}


def assert_scenes_were_seen(demo: RunningDemo) -> None:
    """Look for what the reader was told to watch."""
    auctions = all_of(demo, "auctions")
    assert {one["status"] for one in auctions} >= {"cleared", "halted"}
    by_feeder = [[Decimal(price) for price in one["feeder_price_krw_per_kwh"].values() if price] for one in auctions]
    assert [prices for prices in by_feeder if prices and max(prices) > min(prices)], "no feeder was ever full"
    orders = all_of(demo, "orders")
    by_hand = {kind: statuses_of(orders, f"scene-{kind}-") for kind in ("dear", "cheap", "full")}
    assert (by_hand["dear"], by_hand["cheap"]) == ({"filled"}, {"expired"})
    assert by_hand["full"] & {"filled", "partially_filled"}
    # The front takes three quarters of the sun at its densest, about noon.
    roofs = [one for one in all_of(demo, "readings") if one["meter_kind"] == "pv"]
    at_noon = sum(float(one["export_kwh"]) for one in roofs if one["delivery_start"] == "2026-05-20T02:15:00Z")
    later = sum(float(one["export_kwh"]) for one in roofs if one["delivery_start"] == "2026-05-20T03:45:00Z")
    assert at_noon < later / 2
    # The API shows the newest plan of a battery; the one that met the batch is kept.
    with closing(sqlite3.connect(demo.folder / "data" / "trading_api.db")) as db:
        assert db.execute("select 1 from schedule where series like '%shave_peak%'").fetchone() is not None


def statuses_of(orders: list[dict[str, Any]], kind: str) -> set[str]:
    return {one["status"] for one in orders if one["client_order_id"].startswith(kind)}


def all_of(demo: RunningDemo, what: str) -> list[dict[str, Any]]:
    """Return all pages of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = demo.operator(f"{what}?limit=1000{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"

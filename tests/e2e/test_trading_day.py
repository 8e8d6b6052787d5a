"""`sandan demo --exit`: the whole day from meter reading to statement, as a new user runs it."""

import json
import os
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.processes import free_port
from shared.paths import DEPLOYMENTS
from tests.docs.console_blocks import DOCUMENTS, Command, commands_in

INTERVALS = 96
OF_DOCUMENTS = [command for document in DOCUMENTS for command in commands_in(document)]
LOOKING = ("sandan replay", "sandan audit", "sandan legal", "sandan clock", "sandan devices energy")


def looks_at_a_day(command: Command) -> bool:
    """Say whether a command reads what a demo's day left behind."""
    return command.text.startswith(LOOKING)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the documents call archive."""
    return tmp_path_factory.mktemp("archive")


@dataclass(frozen=True)
class DemoDay:
    """A day that `sandan demo --exit` has run, its folder as it was left."""

    port: int
    report_file: Path
    ended: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> DemoDay:
    report_file = tmp_path_factory.mktemp("day") / "r.json"
    port = free_port()
    options = ["--exit", "--speed", "600", "--port", str(port), "--report", str(report_file)]
    command = [sys.executable, "-m", "cli.main", "demo", *options]
    return DemoDay(port, report_file, subprocess.run(command, capture_output=True, text=True, check=False))


def test_demo_trades_a_whole_day_and_its_books_balance(day: DemoDay) -> None:
    ended = day.ended

    assert ended.returncode == 0, ended.stderr
    report = json.loads(day.report_file.read_text())
    assert json.loads(ended.stdout) == report
    assert report["intervals"] == report["auctions_cleared"] == report["intervals_settled"] == INTERVALS
    # 12 grid meters, 8 roofs, 4 batteries and 3 feeders, each once an interval; 12 statements of the day.
    assert report["readings"] == 27 * INTERVALS
    assert report["statements"] == report["factories"] == 12
    # 8 roofs and 12 loads are forecast and 4 batteries planned and commanded before every interval.
    assert report["forecasts"] >= 20 * INTERVALS
    assert report["setpoints_confirmed"] == 4 * INTERVALS
    assert report["trades"] > 50
    assert report["ledger_sum_krw"] == 0
    assert report["late_events"] == report["dead_letters"] == report["restarts"] == 0
    saved_krw = report["cost_without_krw"] - report["cost_with_krw"] + report["stored_value_krw"]
    assert report["saving_krw"] == saved_krw == report["battery_shift_krw"] + report["trading_gain_krw"]
    assert report["trading_gain_krw"] > 0
    assert report["saving_basis"]["ko"]
    assert report["broker"] in {"apache-kafka", "tansu", "external"}


@pytest.mark.parametrize(
    "text", dict.fromkeys(command.text for command in OF_DOCUMENTS if looks_at_a_day(command)), ids=str
)
def test_command_of_the_documents_looks_at_the_day(day: DemoDay, text: str, archive: Path) -> None:
    folder = DEPLOYMENTS / f"demo-{day.port}"
    typed = text.replace("var/demo-8000", str(folder)).replace(" archive", f" {archive}")

    ended = subprocess.run(
        [sys.executable, "-m", "cli.main", *shlex.split(typed)[1:]], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)


def test_demo_on_a_taken_port_says_so_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "cli.main", "demo", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "--port" in ended.stderr
    assert str(port) in ended.stderr


def test_demo_with_a_broker_that_is_not_there_says_so_in_one_line() -> None:
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    command = [sys.executable, "-m", "cli.main", "demo", "--port", str(free_port())]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert ended.returncode == 2
    assert "KAFKA_BOOTSTRAP_SERVERS" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr

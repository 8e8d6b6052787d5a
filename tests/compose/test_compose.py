"""One trading hour on the images: Kafka, PostgreSQL, a container a service."""

import json
import sys
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from os import environ
from pathlib import Path
from typing import Any

import pytest

from cli.prepare import key_of
from shared.clock import Pace, SharedClock, wall_now, write_pace

SPEED = 120.0
WAIT_S = 1_800.0


@pytest.fixture
def services(compose_folder: Path, request: pytest.FixtureRequest) -> Any:
    """Bring the containers up, after their configuration is written."""
    del compose_folder
    return request.getfixturevalue("docker_services")


def test_trading_hour_runs_on_the_images(compose_folder: Path, services: Any) -> None:
    clock_file = compose_folder / "clock.json"
    start = SharedClock(clock_file).now()
    wait(services, lambda: is_ready("/health/ready"))

    let_time_pass(clock_file, start)
    wait(services, lambda: report(compose_folder)["intervals_settled"] >= 4)

    found = report(compose_folder)
    assert found["auctions_cleared"] >= found["intervals_settled"] >= 4
    assert found["readings"] >= 24 * 4
    assert found["setpoints_confirmed"] > 0
    assert found["ledger_sum_krw"] == 0
    assert found["ledger_entries"] > 0
    assert found["dead_letters"] == 0


def wait(services: Any, check: Callable[[], bool]) -> None:
    try:
        services.wait_until_responsive(timeout=WAIT_S, pause=1, check=check)
    except Exception:
        # What the containers said is the only way to tell what is missing.
        sys.stderr.write(services._docker_compose.execute("logs --tail 20").decode())
        raise


def let_time_pass(clock_file: Path, start: datetime) -> None:
    # The mount is of the folder, so the containers see the file that replaces this one.
    write_pace(clock_file, Pace(start=start + timedelta(minutes=20), speed=SPEED, epoch=wall_now()))


def report(folder: Path) -> dict[str, Any]:
    key = key_of(folder / "keys.json", role="operator", complex_id="changwon-demo")
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(address("/api/v1/report?day=2026-05-20"), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def is_ready(path: str) -> bool:
    try:
        with urllib.request.urlopen(address(path), timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def address(path: str) -> str:
    return f"http://127.0.0.1:{environ['CONSOLE_PORT']}{path}"

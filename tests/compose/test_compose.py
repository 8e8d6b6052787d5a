"""One trading hour on the images: Kafka, PostgreSQL, a container a service."""

import json
import shlex
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


# Whether a container gets through to the first simulated device, by whatever address it is known there.
REACH = "import socket,sys; socket.create_connection((sys.argv[1], 15502), timeout=5)"
ADDRESS = "import socket; print(socket.gethostbyname('simulator'))"
DATABASE = (
    "import os, psycopg; db = psycopg.connect(os.environ['SANDAN_DATABASE_URL'], client_encoding='utf8'); "
    "print(*db.execute('SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user').fetchone()); "
    "db.execute('{}')"
)


def test_the_api_reaches_no_converter_and_the_gateway_does(services: Any) -> None:
    wait(services, lambda: is_ready("/health/ready"))
    simulator = python_in(services, "fems", ADDRESS)[1].strip()

    assert python_in(services, "fems", REACH, simulator)[0]
    for address_ in (simulator, "simulator"):
        assert not python_in(services, "trading_api", REACH, address_)[0]


def test_each_service_signs_in_as_itself_and_settlement_changes_no_books(services: Any) -> None:
    wait(services, lambda: is_ready("/health/ready"))

    for name in ("market", "settlement", "trading_api"):
        assert python_in(services, name, DATABASE.format("SELECT 1")) == (True, f"{name} False\n")
    assert not python_in(services, "market", DATABASE.format("SELECT 1 FROM settlement.ledger_entry"))[0]
    assert not python_in(services, "settlement", DATABASE.format("DELETE FROM settlement.ledger_entry"))[0]


def test_no_container_runs_as_root_or_writes_to_its_image(services: Any) -> None:
    wait(services, lambda: is_ready("/health/ready"))

    for name in ("kafka", "postgres", "fems", "simulator", "market", "trading_api"):
        assert run_in(services, name, "id -u")[1].strip() not in {"0", ""}
        assert not run_in(services, name, "touch /usr/written")[0]


def python_in(services: Any, container: str, program: str, *arguments: str) -> tuple[bool, str]:
    """Run a program in a container; say whether it ended well, and what it printed."""
    return run_in(services, container, " ".join(("python", "-c", shlex.quote(program), *arguments)))


def run_in(services: Any, container: str, command: str) -> tuple[bool, str]:
    try:
        return True, services._docker_compose.execute(f"exec -T {container} {command}").decode()
    except Exception as error:  # noqa: BLE001 -- pytest-docker raises no other
        return False, str(error)


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

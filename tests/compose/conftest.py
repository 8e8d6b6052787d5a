"""The images, brought up by pytest-docker from docker-compose.yml with a configuration of the test's own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.compose import compose
from cli.processes import free_port
from shared.paths import ROOT

DAY, SPEED = "2026-05-20", 60.0
HINT = "a running Docker with docker-compose is needed: start it, or see .ci/run for how CI gets one"


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """Return the command that this machine has: the plugin, or docker-compose 1.29 (pytest-docker's own fixture)."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return "docker compose" if plugin.returncode == 0 else "docker-compose"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(ROOT / "docker-compose.yml")


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return "sandan-test"


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["down --volumes", "build trading_api", "up --detach --no-build"]


@pytest.fixture(scope="session")
def compose_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder as `sandan compose` writes it, named to docker-compose by the environment; skips without Docker."""
    answers = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False)
    if not answers or answers.returncode != 0:
        if os.environ.get("REQUIRE_ALL_LAYERS"):
            pytest.fail(HINT)
        pytest.skip(HINT)
    folder = tmp_path_factory.mktemp("compose")
    folder.parent.chmod(0o755)
    folder.parent.parent.chmod(0o755)
    compose(folder, day=DAY, speed=SPEED)
    settings = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
    with pytest.MonkeyPatch.context() as environment:
        for name, text in {**settings, "CONSOLE_PORT": str(free_port())}.items():
            environment.setenv(name, text)
        yield folder

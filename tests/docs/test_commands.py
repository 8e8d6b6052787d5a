"""Every command that the documents show: run as it stands, or, where it would start a system, held to what exists.

What reads a past day of the demo is run where there is one, by tests/e2e/test_trading_day.py.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer

from cli.main import VERBS, app_with
from cli.prepare import write_demo_complex, write_keys
from cli.processes import free_port
from cli.supervisor import read_configuration
from services.forecast.domain.learning import boosting
from shared.clock import monotonic_s, pause
from shared.paths import ROOT
from tests.component.trading_api.trading_api_bench import ApiBench
from tests.docs.console_blocks import DOCUMENTS, Command, commands_in

# Verbs that calculate from files to files, or ask devices; the others start, stop or prepare a system, or look at one.
CALCULATIONS = {"clear", "schedule", "tariff", "whatif", "forecast", "history"}
ASKED_OF_DEVICES = {"list", "scan", "read", "fault"}
# Tools of the machine, which the documents may use around ours.
LOOKED_AT = {"awk", "cat", "head", "sed"}
NOT_OURS = {"cp", "docker-compose", "git", "set"}
ADDRESS = "http://127.0.0.1:8000"
MINUTES_MAX = 3
SIMULATOR_WAIT_S = 60.0
ASSIGNMENT = re.compile(r"([A-Z]+)=\$")

COMMANDS = [command for document in DOCUMENTS for command in commands_in(document)]


def kind_of(command: Command) -> str:
    """Say what can be done with a command: run it, parse its options, look up its target or its route, or nothing."""
    words = shlex.split(command.text)
    program = words[0]
    if program == "sandan":
        of_devices = words[1] == "devices" and words[2] in ASKED_OF_DEVICES
        return "run" if of_devices or words[1] in CALCULATIONS else "parse"
    if program in LOOKED_AT or ASSIGNMENT.match(program):
        return "run"
    if program in {"make", "curl"}:
        return program
    return "not ours" if program in NOT_OURS or program == "." else "unknown"


def _of_kind(kind: str) -> list[object]:
    return [pytest.param(command, id=str(command)) for command in COMMANDS if kind_of(command) == kind]


@dataclass
class Reader:
    """Someone who types what the documents show, each command once.

    Attributes:
        folder: Where the reader types: the examples and infra, and what a demo has made.
        variables: What was assigned so far.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    _typed: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)

    def typed(self, text: str) -> subprocess.CompletedProcess[str]:
        """Return how a command ended."""
        if text not in self._typed:
            assigned = ASSIGNMENT.match(text)
            typed = text if assigned is None else f'{text}; printf %s "${assigned[1]}"'
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            self._typed[text] = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", typed],
                cwd=self.folder,
                env={**os.environ, **self.variables, "PATH": path},
                capture_output=True,
                text=True,
                timeout=60 * MINUTES_MAX,
                check=False,
            )
            if assigned is not None:
                self.variables[assigned[1]] = self._typed[text].stdout
        return self._typed[text]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Someone in a folder like the repository's, beside a demo: its files, and its simulated devices."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "infra").symlink_to(ROOT / "infra")
    demo = folder / "var" / "demo-8000"
    (demo / "field").mkdir(parents=True)
    port = free_port()
    complex_ = write_demo_complex(
        demo / "complex.yaml", factories=12, host="127.0.0.1", port_of=lambda number: port + number, poll_interval_s=30
    )
    write_keys(demo / "keys.json", [complex_])
    settings = {"SANDAN_COMPLEXES": f'["{demo / "complex.yaml"}"]', "SANDAN_RUN_DIR": str(demo / "run")}
    simulator = subprocess.Popen(
        [sys.executable, "-m", "services.fems.simulator"], cwd=ROOT, env={**os.environ, **settings}
    )
    give_up_at_s = monotonic_s() + SIMULATOR_WAIT_S
    while not (demo / "run" / "fems_simulator.alive").exists():
        assert simulator.poll() is None
        assert monotonic_s() < give_up_at_s
        pause(0.1)
    yield Reader(folder)
    simulator.terminate()
    simulator.wait()


def test_documents_show_commands_of_every_kind() -> None:
    kinds = {kind_of(command) for command in COMMANDS}

    assert kinds == {"run", "parse", "make", "curl", "not ours"}, [
        str(command) for command in COMMANDS if kind_of(command) == "unknown"
    ]


@pytest.mark.parametrize("command", _of_kind("run"))
def test_command_prints_what_its_document_shows(command: Command, reader: Reader) -> None:
    if command.text.startswith("sandan forecast") and not boosting.is_here():
        pytest.skip("needs the OpenMP runtime: apt-get install libgomp1")

    ended = reader.typed(command.text)

    assert ended.returncode == 0, f"{command}\nsaid\n{ended.stderr}"
    assert command.is_answered_by(ended.stdout), f"{command}\nprinted\n{ended.stdout}"


@pytest.mark.parametrize("command", _of_kind("parse"))
def test_command_that_starts_a_system_has_these_options(command: Command) -> None:
    _, *arguments = shlex.split(command.text)

    require_options(*arguments)
    if "--config" in arguments:
        read_configuration(ROOT / arguments[arguments.index("--config") + 1])


@pytest.mark.parametrize("command", _of_kind("make"))
def test_make_target_exists(command: Command) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    _, target, *variables = shlex.split(command.text)

    assert target in targets
    for variable in variables:
        name, _, text = variable.partition("=")
        assert name in {"OPTIONS", "PYTHON"}
        if (name, target) == ("OPTIONS", "demo"):
            require_options("demo", *shlex.split(text))


@pytest.mark.parametrize("command", _of_kind("curl"))
def test_call_is_answered_as_its_reader_hopes(command: Command, tmp_path: Path) -> None:
    words = shlex.split(command.text)
    body = words[words.index("-d") + 1] if "-d" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else ("GET" if body is None else "POST")
    headers = {"Content-Type": "application/json"} if "Content-Type: application/json" in words else {}
    [address] = [word for word in words if word.startswith(ADDRESS)]
    path = address.removeprefix(ADDRESS)
    bench = ApiBench(tmp_path)

    who = {"/api/v1/studies": "planner", "/api/v1/revoked-tokens": "operator"}.get(path, "hanbit")
    with bench.client(who) as client:
        described = client.get("/openapi.json").json()["paths"]
        # The live stream has no end; that it exists is all that is asked of it here.
        if path.endswith("/stream"):
            status = 200 if method.lower() in described[path] else 404
        else:
            status = client.request(method, path, content=body, headers=headers).status_code
    bench.close()

    assert status in {200, 201, 202}, command


def require_options(verb: str, *arguments: str) -> None:
    """Parse a verb's options as the command line does, without running it."""
    assert verb in VERBS
    group = typer.main.get_command(app_with(*VERBS))
    context = group.make_context("sandan", [verb, *arguments])
    words = [verb, *arguments]
    while isinstance(group, typer.core.TyperGroup):
        name, command, words = group.resolve_command(context, words)
        assert command is not None
        context = command.make_context(name, list(words), parent=context)
        group = command


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        require_options("demo", "--sped", "600")


def test_an_option_of_a_nested_verb_that_is_not_there_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        require_options("devices", "energy", "--form", "2026-05-20")

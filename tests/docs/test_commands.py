"""Every command that the documents show: run as it stands, or, where it would start a system, held to what exists."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cli.main import VERBS, app_with
from cli.prepare import write_keys
from shared.complex.model import load_complex
from shared.paths import DEMO_COMPLEX, ROOT
from tests.component.trading_api_bench import ApiBench
from tests.docs.console_blocks import DOCUMENTS, Command, commands_in

# Verbs that calculate from files to files; the others start, stop or prepare a system.
CALCULATIONS = {"clear", "schedule", "tariff", "whatif"}
# Tools of the machine, which the documents may use around ours.
LOOKED_AT = {"cat", "head"}
NOT_OURS = {"cp", "docker-compose", "git", "set"}
ADDRESS = "http://127.0.0.1:8000"
MINUTES_MAX = 3

COMMANDS = [command for document in DOCUMENTS for command in commands_in(document)]


def kind_of(command: Command) -> str:
    """Say what can be done with a command: run it, parse its options, look up its target or its route, or nothing."""
    words = shlex.split(command.text)
    program = words[0]
    if program == "sandan":
        return "run" if words[1] in CALCULATIONS else "parse"
    if program in LOOKED_AT or program.startswith("KEY="):
        return "run"
    if program in {"make", "curl"}:
        return program
    return "not ours" if program in NOT_OURS or program == "." else "unknown"


def _of_kind(kind: str) -> list[object]:
    return [pytest.param(command, id=str(command)) for command in COMMANDS if kind_of(command) == kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a reader has in the repository's: the examples, and the keys that a demo has made."""
    made = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", made / "examples")
    (made / "var" / "demo-8000").mkdir(parents=True)
    write_keys(made / "var" / "demo-8000" / "keys.json", [load_complex(DEMO_COMPLEX)])
    return made


def test_documents_show_commands_of_every_kind() -> None:
    kinds = {kind_of(command) for command in COMMANDS}

    assert kinds == {"run", "parse", "make", "curl", "not ours"}, [
        str(command) for command in COMMANDS if kind_of(command) == "unknown"
    ]


@pytest.mark.parametrize("command", _of_kind("run"))
def test_command_prints_what_its_document_shows(command: Command, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60 * MINUTES_MAX,
        check=False,
    )

    assert ended.returncode == 0, f"{command}\nsaid\n{ended.stderr}"
    assert command.is_answered_by(ended.stdout), f"{command}\nprinted\n{ended.stdout}"


@pytest.mark.parametrize("command", _of_kind("parse"))
def test_command_that_starts_a_system_has_these_options(command: Command) -> None:
    _, *arguments = shlex.split(command.text)

    require_options(*arguments)


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
    assert isinstance(group, typer.core.TyperGroup)
    name, command, rest = group.resolve_command(context, [verb, *arguments])
    assert command is not None
    command.make_context(name, rest, parent=context)


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        require_options("demo", "--sped", "600")

"""`sandan demo --reset`: what a demo has left is gone, unless it still runs."""

import json
import socket
import sys
from pathlib import Path

import pytest

from cli.main import main
from cli.processes import free_port


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("cli.demo_start.DEPLOYMENTS", tmp_path)
    folder = tmp_path / f"demo-{free_port()}"
    (folder / "data").mkdir(parents=True)
    (folder / "keys.json").write_text("[]")
    return folder


class Reset:
    """Runs the verb as a shell does, and returns the exit code, stdout and stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, folder: Path) -> tuple[int, str, str]:
        port = folder.name.removeprefix("demo-")
        self._monkeypatch.setattr(sys, "argv", ["sandan", "demo", "--reset", "--port", port])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = self._capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err


@pytest.fixture
def reset(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reset:
    return Reset(monkeypatch, capsys)


def test_what_a_demo_has_left_is_removed_once(left: Path, reset: Reset) -> None:
    beside = left.with_name("demo-1")
    beside.mkdir()

    first, again = reset(left), reset(left)

    assert (first[0], json.loads(first[1])) == (0, {"removed": str(left)})
    assert (again[0], json.loads(again[1])) == (0, {"removed": None})
    assert (left.exists(), beside.exists()) == (False, True)


def test_a_demo_that_runs_keeps_what_it_has(left: Path, reset: Reset) -> None:
    with socket.create_server(("127.0.0.1", int(left.name.removeprefix("demo-")))):
        code, _, said = reset(left)

    assert code == 2
    assert "--port" in said
    assert (left / "keys.json").exists()

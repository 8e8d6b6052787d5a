"""`sandan up`, `status`, `down`: what supervises goes on where the disk does not, and `down` is true."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import yaml

from cli.processes import free_port
from shared.clock import monotonic_s, pause

WAIT_S = 600.0


def sandan(verb: str, config: Path) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "cli.main", verb, "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def the_supervisor(config: Path) -> psutil.Process:
    """Return the process that watches the system of a configuration file."""
    wanted = ["up", "--foreground", "--config", str(config)]
    [found] = [one for one in psutil.process_iter(["cmdline"]) if (one.info["cmdline"] or [])[-4:] == wanted]
    return found


def children_named(supervisor: psutil.Process, module: str) -> list[psutil.Process]:
    """Return those children that run a module."""
    found = psutil.process_iter(["cmdline", "ppid"])
    return [one for one in found if one.info["ppid"] == supervisor.pid and (one.info["cmdline"] or [""])[-1] == module]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_supervisor_outlives_a_full_disk_and_down_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    config = tmp_path / "deployment.yaml"
    config.write_text(yaml.safe_dump({"folder": str(folder), "port": free_port()}))
    code, _ = sandan("up", config)
    assert code == 0
    supervisor = the_supervisor(config)
    family = supervisor.children(recursive=True)
    try:
        # The disk takes nothing more from the supervisor, and a service ends.
        draft = folder / "running.draft"
        draft.symlink_to("/dev/full")
        [market] = children_named(supervisor, "services.market")
        market.kill()
        give_up_at_s = monotonic_s() + WAIT_S
        while not (again := [one for one in children_named(supervisor, "services.market") if one != market]):
            assert alive([supervisor]), "it ended of what it supervises"
            assert monotonic_s() < give_up_at_s
            pause(0.1)
        family += again
        draft.unlink()
        while (answer := sandan("status", config))[0] != 0:
            assert monotonic_s() < give_up_at_s, answer
        assert answer[1]["processes"]["market"]["pid"] == again[0].pid

        code, said = sandan("down", config)

        assert alive([supervisor, *family]) == []
        assert (code, said["stopped"], said["still_running"]) == (0, True, [])
        assert sandan("status", config)[1]["running"] is False
    finally:
        for one in alive([supervisor, *family]):
            one.kill()

"""What a supervisor writes down about itself, and what of it still runs.

A process id alone says little, as the machine may have given it to another program since. Beside it is written when the
process began, on a clock that no step of the machine's time moves.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from cli.processes import Child

SUPERVISOR = "supervisor"
FILE_NAME = "running.json"
# States of proc_pid_stat(5) in which a process does nothing more.
ENDED = frozenset("ZXx")


@dataclass(frozen=True)
class Began:
    """A process: its id, and when it began."""

    pid: int
    began: str

    @property
    def runs(self) -> bool:
        """Say whether this very process runs."""
        return began(self.pid) == self.began


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running system, as its supervisor sees it.

    Attributes:
        supervisor: What starts again whatever ends.
        console: The address of the console.
        broker: Its kind; None while it is starting.
        ready: Whether everything has started.
        processes: The supervisor's children by name, the broker among them where it is one.
    """

    supervisor: Began
    console: str
    broker: str | None = None
    ready: bool = False
    processes: Mapping[str, Began] = field(default_factory=dict)

    def left(self) -> dict[str, Began]:
        """Return by name what runs: what is written down, and whatever else the supervisor has started."""
        known = {SUPERVISOR: self.supervisor, **self.processes}
        known |= {f"child {one.pid}": one for one in family_of(self.supervisor) if one not in known.values()}
        return {name: one for name, one in known.items() if one.runs}


# A running system as its file has it.
RUNNING_JSON = TypeAdapter(Running)


def began(pid: int) -> str | None:
    """Return when a process began, in a form only fit to be compared; None where there is none, or it has ended."""
    if sys.platform == "linux":
        try:
            # The state, and the start in the kernel's ticks since it booted: fields 3 and 22 of proc_pid_stat(5).
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        return None if after_name[0] in ENDED else f"{boot}/{after_name[19]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return None


def process(pid: int) -> Began | None:
    """Return a process that runs, or None."""
    when = began(pid)
    return None if when is None else Began(pid, when)


def processes_of(children: Iterable["Child"]) -> dict[str, Began]:
    """Return those of some children that run, by name."""
    pairs = ((child.name, process(child.pid)) for child in children if child.pid is not None)
    return {name: one for name, one in pairs if one is not None}


def family_of(parent: Began) -> list[Began]:
    """Return what a process has started, and what that has started."""
    if not parent.runs:
        return []
    try:
        pids = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
    except psutil.Error:
        return []
    return [one for one in map(process, pids) if one is not None]


def running_in(folder: Path) -> Running | None:
    """Return what a deployment's supervisor has written down; None where nothing of it runs any more."""
    try:
        running = RUNNING_JSON.validate_json((folder / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return running if running.left() else None


def write_running(folder: Path, running: Running) -> None:
    """Write it down in one step.

    Raises:
        OSError: The disk does not take it now.
    """
    path = folder / FILE_NAME
    draft = path.with_suffix(".draft")
    draft.write_bytes(RUNNING_JSON.dump_json(running))
    draft.replace(path)


def forget_running(folder: Path) -> None:
    """Take away what `write_running` wrote."""
    path = folder / FILE_NAME
    path.unlink(missing_ok=True)
    path.with_suffix(".draft").unlink(missing_ok=True)


def this_process() -> Began:
    """Return the process that asks."""
    this = process(os.getpid())
    assert this is not None  # noqa: S101 -- it runs, as it asks
    return this

"""A full disk under `sandan up`, and how long until all is back: python -m benchmarks.full_disk [SECONDS] [MEGABYTES].

Everything that the system writes is on a small file system of its own (root only: it is mounted). While factories send
orders, it is filled to the last byte, stays full for a minute, and is freed. The supervisor must live, every order that
was acknowledged must reach the market once, and all must come back by itself.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.beside import Factories, answered, factories_of, lost_and_doubled
from cli.processes import free_port
from cli.running import running_in
from shared.clock import wall_now
from shared.intervals import INTERVAL, interval_of

FULL_S, SIZE_MB = 60, 96
ORDERS_PER_S = 5
BACK_S_MAX = 300.0


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory."""
    with tempfile.TemporaryDirectory(prefix="sandan-full-disk-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no room in a folder's file system, however much of it is given back, until the end."""
    stop, ballast = threading.Event(), folder / "ballast"

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            while not stop.wait(0.01):
                for size in (1 << 20, 1 << 12):
                    try:
                        while not stop.is_set():
                            file.write(bytes(size))
                    except OSError:
                        continue

    filling = threading.Thread(target=fill)
    filling.start()
    try:
        yield
    finally:
        stop.set()
        filling.join()
        ballast.unlink()


class Clients(threading.Thread):
    """Send orders at a steady pace until stopped; each for an interval whose gate is open for long."""

    def __init__(self, factories: Factories) -> None:
        super().__init__(daemon=True)
        self.factories = factories
        self.stop = threading.Event()
        self._sent = 0

    def run(self) -> None:
        """Send one after the other."""
        while not self.stop.wait(1 / ORDERS_PER_S):
            start = interval_of(wall_now()) + INTERVAL * (6 + self._sent % 40)
            self.factories.submit(self._sent, start)
            self._sent += 1


def sandan(verb: str, config: Path) -> subprocess.CompletedProcess[str]:
    """Call a verb for the system of a configuration file."""
    command = [sys.executable, "-m", "cli.main", verb, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def seconds_until_back(clients: Clients, folder: Path, config: Path) -> dict[str, float | None]:
    """Return after how many seconds an order is acknowledged, one reaches the market, and every process is well."""
    began_s, acknowledged = time.perf_counter(), len(clients.factories.acknowledged)
    known = sum(answered(folder).values())
    back: dict[str, float | None] = {"acknowledged": None, "traded": None, "well": None}
    while None in back.values() and time.perf_counter() - began_s < BACK_S_MAX:
        since_s = round(time.perf_counter() - began_s, 1)
        if back["acknowledged"] is None and len(clients.factories.acknowledged) > acknowledged:
            back["acknowledged"] = since_s
        if back["traded"] is None and sum(answered(folder).values()) > known:
            back["traded"] = since_s
        if back["well"] is None and sandan("status", config).returncode == 0:
            back["well"] = since_s
        time.sleep(0.2)
    return back


def main() -> int:
    """Print what happened, and return 1 where something was lost, doubled or did not come back."""
    full_s, megabytes = (int(text) for text in (*sys.argv[1:], *map(str, (FULL_S, SIZE_MB)[len(sys.argv) - 1 :])))
    if os.geteuid() != 0:
        print("full_disk   skipped: mounting a small file system needs root")
        return 0
    with small_disk(megabytes) as disk, tempfile.TemporaryDirectory() as scratch:
        folder, config = disk / "up", Path(scratch) / "deployment.yaml"
        config.write_text(json.dumps({"folder": str(folder), "port": free_port()}))
        started = sandan("up", config)
        assert started.returncode == 0, started.stderr
        try:
            console, supervisor = json.loads(started.stdout)["console"], running_in(folder)
            assert supervisor is not None
            clients = Clients(factories_of(console, folder / "keys.json"))
            clients.start()
            time.sleep(20)
            before = clients.factories.answers.copy()
            with filled(disk):
                time.sleep(full_s)
                while_full = clients.factories.answers - before
            back = seconds_until_back(clients, folder, config)
            lived = supervisor.supervisor.runs
            time.sleep(5)
            clients.stop.set()
            clients.join()
            give_up_at_s = time.perf_counter() + 60
            lost, doubled = lost_and_doubled(clients.factories, folder, lambda: time.perf_counter() < give_up_at_s)
        finally:
            said = (folder / "supervisor.log").read_text()
            down = sandan("down", config)
        print(f"full_disk   answers by status before {dict(before)}, while full for {full_s} s {dict(while_full)}")
        print(f"full_disk   seconds until back {back}; the supervisor lived: {lived}")
        print(f"full_disk   acknowledged {len(clients.factories.acknowledged)}, lost {lost}, doubled {doubled}")
        print("full_disk   down:", down.stdout.strip(), f"exit {down.returncode}")
        print(said)
    kept = lived and lost == doubled == down.returncode == 0 and None not in back.values()
    print("full_disk   ok" if kept else "full_disk   MISSED")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

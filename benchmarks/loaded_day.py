"""A day of the demo on a busy machine: python -m benchmarks.loaded_day [ORDERS] [LOAD] [SPEED].

6,000 orders of the factories' own software beside the demo, with as many processes that only take time as bring the
load average to 15. The day must come out whole, however long it takes: 96 intervals, a statement a factory, 384
set-points, a ledger that sums to 0, and every acknowledged order answered by the market once.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from benchmarks.beside import Factories, factories_of, lost_and_doubled
from cli.demo_start import WARM_UP
from cli.processes import free_port
from shared.clock import SharedClock
from shared.errors import BadInput
from shared.intervals import DAY, INTERVAL, day_start, interval_of
from shared.paths import ROOT

ORDERS, LOAD, SPEED = 6_000, 15, 300
DAY_TRADED = date(2026, 5, 20)
# The demo itself keeps about two processes waiting for a core.
OWN_LOAD = 2
CLIENTS = 8
# The last orders are for the day's last interval.
LAST_ORDER = timedelta(hours=22)
NICENESS = int(os.environ.get("LOADED_DAY_NICENESS", "0"))


@contextmanager
def busy(load: int) -> Iterator[None]:
    """Keep some processes busy with nothing."""
    command = [sys.executable, "-c", f"import os; os.nice({NICENESS})\nwhile True: pass"]
    idlers = [subprocess.Popen(command) for _ in range(max(0, load - OWN_LOAD))]
    try:
        yield
    finally:
        for one in idlers:
            one.kill()
            one.wait()


def trade_beside(demo: subprocess.Popen[bytes], folder: Path, port: int, orders: int) -> tuple[Factories, list[float]]:
    """Send the orders evenly over the day, for intervals whose gates are open; return who sent them, and the loads."""
    loads: list[float] = []
    while _now(folder) is None and demo.poll() is None:
        time.sleep(0.5)
    factories, first = factories_of(f"http://127.0.0.1:{port}/", folder / "keys.json"), day_start(DAY_TRADED)
    sent = 0
    with ThreadPoolExecutor(CLIENTS) as clients:
        while sent < orders and demo.poll() is None:
            now = _now(folder)
            assert now is not None
            due = int(orders * min(1.0, max(0.0, (now - first) / LAST_ORDER)))
            batch = range(sent, due)
            starts = [interval_of(now) + INTERVAL * (4 + number % 4) for number in batch]
            list(clients.map(factories.submit, batch, [min(one, first + DAY - INTERVAL) for one in starts]))
            sent = due
            loads.append(os.getloadavg()[0])
            time.sleep(0.2)
    return factories, loads


def _now(folder: Path) -> datetime | None:
    """Return the demo's time once it passes."""
    try:
        clock = SharedClock(folder / "clock.json")
    except (BadInput, OSError):
        return None
    return clock.now() if clock.now() > day_start(DAY_TRADED) - WARM_UP else None


def main() -> int:
    """Print what the day lacks, and return 1 where it lacks anything."""
    orders, load, speed = (int(text) for text in (*sys.argv[1:], *map(str, (ORDERS, LOAD, SPEED)[len(sys.argv) - 1 :])))
    port = free_port()
    folder = ROOT / "var" / f"demo-{port}"
    with tempfile.TemporaryDirectory(prefix="sandan-loaded-day-") as scratch, busy(load):
        report_file = Path(scratch) / "report.json"
        options = ["--exit", "--speed", str(speed), "--port", str(port), "--report", str(report_file)]
        began_s = time.perf_counter()
        demo = subprocess.Popen([sys.executable, "-m", "cli.main", "demo", *options], stdout=subprocess.DEVNULL)
        try:
            factories, loads = trade_beside(demo, folder, port, orders)
            code = demo.wait()
        finally:
            demo.kill()
        took_s = time.perf_counter() - began_s
        report = json.loads(report_file.read_text())
    lost, doubled = lost_and_doubled(factories, folder, wait=lambda: False)
    print(
        f"loaded_day  load average {sum(loads) / len(loads):.1f} in the mean, {max(loads):.1f} at most; {took_s:.0f} s"
    )
    print(f"loaded_day  the clock waited {report['clock_waited_s']} s: {report['clock_waited_by_cause_s']}")
    print(f"loaded_day  answers by status {dict(factories.answers)}, acknowledged {len(factories.acknowledged)}")
    print(f"loaded_day  acknowledged orders that the market never answered {lost}, twice {doubled}")
    found = {
        name: report[name] for name in ("intervals_settled", "statements", "setpoints_confirmed", "ledger_sum_krw")
    }
    kept = code == lost == doubled == 0 and list(found.values()) == [96, 12, 384, 0]
    print(f"loaded_day  {found}, done without {report['done_without']}   {'ok' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""What an idle system takes: python -m benchmarks.idle [SECONDS].

`sandan up` on the wall clock, the demo complex with simulated devices. Once the forecasts of the first interval are out
it is measured for a while in which no interval begins: the share of a core of each process, and of the services
together, without what stands for other machines (the broker, the devices) and without the gateway, which polls.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

from cli.processes import free_port
from cli.running import running_in

SECONDS, SETTLE_S = 30, 45
NOT_COUNTED = ("broker", "kafka", "tansu", "simulator", "gateway", "supervisor")
SHARE_MAX = 0.10


def shares(folder: Path, seconds: float) -> dict[str, float]:
    """Return the share of a core that each process of a running system takes."""
    running = running_in(folder)
    assert running is not None
    processes = {name: psutil.Process(one.pid) for name, one in running.processes.items()}
    processes["supervisor"] = psutil.Process(running.supervisor.pid)
    before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
    begun_s = time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - begun_s
    return {name: (sum(process.cpu_times()[:2]) - before[name]) / took_s for name, process in processes.items()}


def main() -> None:
    """Start a system, measure it, and print the shares."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory(prefix="sandan-idle-") as place:
        folder, config = Path(place) / "system", Path(place) / "config.yaml"
        config.write_text(yaml.safe_dump({"folder": str(folder), "port": free_port(), "simulated_devices": True}))
        up = [sys.executable, "-m", "cli.main", "up", "--config", str(config)]
        subprocess.run(up, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(SETTLE_S)
            found = shares(folder, seconds)
        finally:
            down = [sys.executable, "-m", "cli.main", "down", "--config", str(config)]
            subprocess.run(down, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name, share in sorted(found.items(), key=lambda item: -item[1]):
        print(f"idle      {name:<14} {share:6.3f} of a core")
    services = sum(share for name, share in found.items() if name not in NOT_COUNTED)
    print(f"idle      services       {services:6.3f} of a core, at most {SHARE_MAX:.2f} is wanted")
    print(json.dumps(found))


if __name__ == "__main__":
    main()

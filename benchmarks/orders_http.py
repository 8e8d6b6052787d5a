"""What an order costs the trading API's process: python -m benchmarks.orders_http [ORDERS] [ORDERS_PER_S].

`sandan up` on the wall clock, the demo complex. The factories' own software sends single orders over connections that
stay open, at a steady pace, whether or not earlier ones were answered. Processor time of the process for each, less
what it takes idle; how long the acknowledgements took; and whether each order reached the market once.
"""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import yaml

from benchmarks.beside import Factories, factories_of, lost_and_doubled
from cli.processes import free_port
from cli.running import running_in
from shared.clock import wall_now
from shared.intervals import INTERVAL, interval_of

ORDERS, ORDERS_PER_S = 2_000, 50
SENDERS = 24
IDLE_S, SETTLE_S = 10.0, 30.0
ARRIVE_S = 60.0


class Senders:
    """The factories' software: a connection a thread, kept open."""

    def __init__(self, port: int, factories: Factories) -> None:
        self._port, self.factories = port, factories
        self._own = threading.local()
        self.took_s: list[float] = []
        self.statuses: Counter[int] = Counter()

    def submit(self, number: int, due_s: float) -> None:
        """Send the n-th order when it is due, and note how long after that its acknowledgement came."""
        time.sleep(max(0.0, due_s - time.monotonic()))
        status, order_id = self._sent(number)
        self.took_s.append(time.monotonic() - due_s)
        self.statuses[status] += 1
        if order_id is not None:
            self.factories.acknowledged.append(order_id)

    def _sent(self, number: int) -> tuple[int, str | None]:
        start = interval_of(wall_now()) + INTERVAL * (8 + number // 24 % 64)
        order = {
            "client_order_id": f"bench-{number}",
            "delivery_start": start.isoformat(),
            "side": "sell" if number % 3 == 0 else "buy",
            "price_krw_per_kwh": f"{100 + number % 50}.00",
            "quantity_kwh": f"{1 + number % 5}.000",
        }
        keys = self.factories.keys
        headers = {"Authorization": f"Bearer {keys[number % len(keys)]}", "Content-Type": "application/json"}
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        self._own.connection.request("POST", "/api/v1/orders", json.dumps(order), headers)
        answer = self._own.connection.getresponse()
        found = json.loads(answer.read())
        return answer.status, found.get("order_id")


def measure(folder: Path, port: int, orders: int, per_s: int) -> None:
    """Send the orders and print what they cost."""
    running = running_in(folder)
    assert running is not None
    api = psutil.Process(running.processes["trading_api"].pid)
    senders = Senders(port, factories_of(f"http://127.0.0.1:{port}/", folder / "keys.json"))
    idle_share = _busy_s(api, IDLE_S) / IDLE_S
    begun_s, before_s = time.monotonic(), sum(api.cpu_times()[:2])
    with ThreadPoolExecutor(SENDERS) as threads:
        for number in range(orders):
            threads.submit(senders.submit, number, begun_s + number / per_s)
    # The market's answers are part of what an order costs.
    time.sleep(3)
    took_s = time.monotonic() - begun_s
    cost_ms = 1_000 * (sum(api.cpu_times()[:2]) - before_s - idle_share * took_s) / orders
    took = sorted(senders.took_s)
    give_up_s = time.monotonic() + ARRIVE_S
    lost, doubled = lost_and_doubled(senders.factories, folder, lambda: time.monotonic() < give_up_s)
    print(f"orders    {cost_ms:.1f} ms of the API's processor time an order, idle {idle_share:.3f} of a core")
    p50_ms, p99_ms = 1e3 * took[len(took) // 2], 1e3 * took[-len(took) // 100]
    print(f"orders    acknowledged after {p50_ms:.0f} ms (p50), {p99_ms:.0f} ms (p99)")
    print(f"orders    {dict(senders.statuses)}, lost {lost}, doubled {doubled}, {api.memory_info().rss / 1e6:.0f} MB")


def _busy_s(process: psutil.Process, seconds: float) -> float:
    before_s = sum(process.cpu_times()[:2])
    time.sleep(seconds)
    return float(sum(process.cpu_times()[:2]) - before_s)


def main() -> None:
    """Start a system, measure it, and stop it."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
    per_s = int(sys.argv[2]) if len(sys.argv) > 2 else ORDERS_PER_S
    with tempfile.TemporaryDirectory(prefix="sandan-orders-") as place:
        folder, config, port = Path(place) / "system", Path(place) / "config.yaml", free_port()
        config.write_text(yaml.safe_dump({"folder": str(folder), "port": port, "simulated_devices": True}))
        command = [sys.executable, "-m", "cli.main"]
        subprocess.run([*command, "up", "--config", str(config)], check=True, capture_output=True)
        try:
            time.sleep(SETTLE_S)
            measure(folder, port, orders, per_s)
        finally:
            subprocess.run([*command, "down", "--config", str(config)], check=True, capture_output=True)


if __name__ == "__main__":
    main()

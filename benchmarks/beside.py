"""Orders of the factories' own software, sent over HTTP beside a running system, and what became of them."""

import json
import sqlite3
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

ANSWER_WAIT_S = 30.0


@dataclass
class Factories:
    """The factories of a deployment, by their keys; threads may share it.

    Attributes:
        url: Of the console.
        keys: Of the factories.
        acknowledged: Ids of the orders that were acknowledged, in order.
        answers: How often each status came; 0 stands for none.
    """

    url: str
    keys: Sequence[str]
    acknowledged: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def submit(self, number: int, delivery_start: datetime) -> str | None:
        """Send the n-th order once, the factories in turn; return its id where it was acknowledged."""
        order = {
            "client_order_id": f"beside-{number}",
            "delivery_start": delivery_start.isoformat(),
            "side": "sell" if number % 3 == 0 else "buy",
            "price_krw_per_kwh": f"{100 + number % 50}.00",
            "quantity_kwh": f"{1 + number % 5}.000",
        }
        request = urllib.request.Request(  # noqa: S310 -- our own address
            f"{self.url}api/v1/orders",
            method="POST",
            data=json.dumps(order).encode(),
            headers={
                "Authorization": f"Bearer {self.keys[number % len(self.keys)]}",
                "Content-Type": "application/json",
            },
        )
        status, order_id = _answer(request)
        with self._lock:
            self.answers[status] += 1
            if order_id is not None:
                self.acknowledged.append(order_id)
        return order_id


def _answer(request: urllib.request.Request) -> tuple[int, str | None]:
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WAIT_S) as answer:  # noqa: S310 -- as above
            found: dict[str, Any] = json.load(answer)
            return answer.status, str(found["order_id"])
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:
        return 0, None


def factories_of(url: str, keys_file: Path) -> Factories:
    """Return the factories whose keys a deployment has written."""
    keys = [key["key"] for key in json.loads(keys_file.read_text()) if key["role"] == "factory"]
    return Factories(url, keys)


def answered(folder: Path) -> Counter[str]:
    """Return how often the market has spoken of each order: taken into a book, or rejected."""
    counted: Counter[str] = Counter()
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'market.db'}?mode=ro", uri=True, timeout=60)) as db:
        for table in ("book_order", "rejection"):
            counted.update(row[0] for row in db.execute(f"select order_id from {table}"))  # noqa: S608 -- our tables
    return counted


def lost_and_doubled(factories: Factories, folder: Path, wait: Callable[[], bool]) -> tuple[int, int]:
    """Return how many acknowledged orders the market has not heard of, or spoken of twice, once `wait` says no more."""
    counted = answered(folder)
    while any(order_id not in counted for order_id in factories.acknowledged) and wait():
        counted = answered(folder)
    lost = sum(counted[order_id] == 0 for order_id in factories.acknowledged)
    return lost, sum(counted[order_id] > 1 for order_id in factories.acknowledged)

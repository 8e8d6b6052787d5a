"""Record a day of the demo as market and settlement hear it: python -m tests.recorded_day.record [SPEED].

The demo runs on a broker of its own while an operator and two factories act in it over HTTP: orders, amended and
cancelled ones, day-ahead orders and a block, a halt, a suspension, a limit, two changes of the calendar. Beside it a
consumer for market and one for settlement write down what they hear in their order of arrival, as the wire carries it.
One reading is corrected afterwards, by the recorder and said so.

What comes out is `day.jsonl.gz`: a JSON line a message, `{"to", "topic", "key", "body", "headers"}`. It depends on the
wire format alone, so that code before and after a change hears the same.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from cli.brokers import open_broker
from cli.demo_day import WARM_UP
from cli.processes import free_port
from shared.bus.kafka import KafkaBus
from shared.clock import SharedClock
from shared.errors import BadInput
from shared.events.topics import topics_read_by
from shared.events.wire import Message
from shared.intervals import INTERVAL, day_start, interval_of
from shared.paths import ROOT

DAY = date(2026, 5, 20)
SERVICES = ("market", "settlement")
RECORD = Path(__file__).parent / "day.jsonl.gz"
COMPLEX_FILE = RECORD.with_name("complex.yaml")
COMPLEX_ID = "changwon-demo"
ANSWER_WAIT_S = 30.0
# What is still on its way when the demo has ended.
REST_S = 5.0
CORRECTED_METER_AT = day_start(DAY) + timedelta(hours=10)

Call = Callable[..., Any]


def say(sentence: str) -> None:
    """Tell the person who records."""
    sys.stderr.write(f"{sentence}\n")


def line_of(service: str, message: Message) -> str:
    """Return a message as a line of the record."""
    headers = [[name, content.decode()] for name, content in message.headers]
    parts = {"to": service, "topic": message.topic, "key": message.key, "body": message.body.decode()}
    return json.dumps({**parts, "headers": headers}, ensure_ascii=False)


def hear(servers: str, service: str, stop: threading.Event, lines: list[str], lock: threading.Lock) -> None:
    """Write down all that a service's topics carry until told to stop."""
    bus = KafkaBus(servers)
    consumer = bus.consumer(f"recorder_of_{service}", [topic.name for topic in topics_read_by(service)])
    try:
        while not stop.is_set():
            heard = consumer.poll(0.2)
            with lock:
                lines += [line_of(service, one.message) for one in heard]
            consumer.commit()
    finally:
        consumer.close()


def caller(url: str, key: str) -> Call:
    """Return a function that calls the API with a key and returns the answer, or the status of a refusal."""

    def call(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}api/v1{path}", method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WAIT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            say(f"{method} {path} {error.code} {error.read().decode()[:200]}")
            return None

    return call


def an_order(number: int, start: datetime, side: str, price: str, quantity: str = "3.000") -> dict[str, str]:
    """Return an order by hand."""
    facts = {"client_order_id": f"recorded-{number}", "delivery_start": start.isoformat(), "side": side}
    return {**facts, "price_krw_per_kwh": price, "quantity_kwh": quantity}


def a_calendar(start: datetime, **changed: object) -> dict[str, object]:
    """Return a version of the demo's calendar with a day-ahead auction at 11:00."""
    return {
        "effective_from": start.isoformat(),
        "gate_closure_lead_s": 1_800,
        "price_krw_per_kwh_min": "0",
        "price_krw_per_kwh_max": "500",
        "order_quantity_kwh_max": "2000",
        "day_ahead_gate_s": 39_600,
        **changed,
    }


def a_limit(participant_id: str) -> dict[str, object]:
    """Return a limit that a second open order breaks."""
    return {"participant_id": participant_id, "open_orders_max": 1, "credit_limit_krw": None}


def scenes(operator: Call, buyer: Call, seller: Call) -> list[tuple[timedelta, Callable[[datetime], object]]]:
    """Return what happens when, from the day's beginning; each takes the present instant."""
    tomorrow = day_start(DAY) + timedelta(days=1)

    def trade(now: datetime) -> None:
        number = int((now - day_start(DAY)).total_seconds())
        start = interval_of(now) + 4 * INTERVAL
        bought = buyer("POST", "/orders", an_order(number, start, "buy", "151.50"))
        seller("POST", "/orders", an_order(number, start, "sell", "99.00", "4.500"))
        gone = seller("POST", "/orders", an_order(number + 1, start, "sell", "98.00"))
        if bought is not None:
            buyer("PATCH", f"/orders/{bought['order_id']}", {"price_krw_per_kwh": "149.25", "quantity_kwh": "2.500"})
        if gone is not None:
            seller("DELETE", f"/orders/{gone['order_id']}")

    def tomorrows(_: datetime) -> None:
        for hour in range(8, 18):
            start = tomorrow + timedelta(hours=hour)
            day_ahead = {"auction": "day_ahead"}
            buyer("POST", "/orders", an_order(900_000 + hour, start, "buy", "140.00", "20.000") | day_ahead)
            seller("POST", "/orders", an_order(910_000 + hour, start, "sell", "110.00", "8.000") | day_ahead)
        block = an_order(920_000, tomorrow + timedelta(hours=9), "sell", "105.00")
        seller("POST", "/blocks", {**block, "quantity_kwh": ["5.000"] * 8})
        dear = an_order(920_001, tomorrow + timedelta(hours=9), "sell", "190.00")
        seller("POST", "/blocks", {**dear, "quantity_kwh": ["5.000"] * 8})

    def at(hours: float) -> timedelta:
        return timedelta(hours=hours)

    trades = [(at(0.2 + half / 2), trade) for half in range(45)]
    changes: list[tuple[timedelta, Callable[[datetime], object]]] = [
        # Before midnight: a day-ahead auction is one of the calendar that holds when its day before begins.
        (at(-0.9), lambda now: operator("POST", "/market/calendar", a_calendar(interval_of(now) + 2 * INTERVAL))),
        (at(4), tomorrows),
        (at(8), lambda _: operator("POST", "/market/halt", {"reason": "recorded: a halt of an hour"})),
        (at(9), lambda _: operator("POST", "/market/resume")),
        (at(12), lambda _: operator("POST", "/participants/seojin-plating/suspend", {"reason": "recorded"})),
        (at(13.5), lambda _: operator("POST", "/participants/seojin-plating/resume")),
        (at(14), lambda _: operator("POST", "/limits", a_limit("hanbit-machining"))),
        (
            at(16),
            lambda now: operator(
                "POST",
                "/market/calendar",
                a_calendar(
                    interval_of(now) + 4 * INTERVAL,
                    gate_closure_lead_s=2_700,
                    tick_krw_per_kwh="5",
                    lot_kwh="0.5",
                    price_krw_per_kwh_max="160",
                ),
            ),
        ),
        (at(18), lambda now: operator("POST", "/market/calendar", a_calendar(interval_of(now) + 4 * INTERVAL))),
    ]
    return sorted([*trades, *changes], key=lambda scene: scene[0])


def play(folder: Path, url: str, demo: subprocess.Popen[bytes]) -> None:
    """Act when the demo's time has come."""
    clock: SharedClock | None = None
    keys: dict[str, str] = {}
    while not keys and demo.poll() is None:
        time.sleep(0.5)
        try:
            clock = SharedClock(folder / "clock.json")
            told = json.loads((folder / "keys.json").read_text())
        except (BadInput, OSError, ValueError):
            continue
        keys = {key.get("participant_id") or key["role"]: key["key"] for key in told}
    if clock is None:
        return
    people = [caller(url, keys[name]) for name in ("operator", "seojin-plating", "hanbit-machining")]
    for after, act in scenes(*people):
        while clock.now() < day_start(DAY) + after and demo.poll() is None:
            time.sleep(0.1)
        if demo.poll() is None:
            act(clock.now())


def corrected(lines: list[str]) -> str:
    """Return the word of settlement's last message on one grid meter's interval, as its next version."""
    for line in lines:
        told = json.loads(line)
        event = json.loads(told["body"])
        if (
            told["to"] == "settlement"
            and dict(told["headers"])["ce_type"] == "sandan.IntervalMetered.v1"
            and event["meter_kind"] == "grid"
            and datetime.fromisoformat(event["delivery_start"]) == CORRECTED_METER_AT
        ):
            body = {**event, "import_wh": event["import_wh"] + 1_234, "reading_version": event["reading_version"] + 1}
            headers = [
                [name, "00000000-0000-4000-8000-000000000001" if name == "ce_id" else content]
                for name, content in told["headers"]
            ]
            return json.dumps({**told, "body": json.dumps(body), "headers": headers}, ensure_ascii=False)
    raise LookupError(f"no grid meter was heard of for {CORRECTED_METER_AT}")


def main() -> int:
    """Record a day; return the demo's exit code."""
    speed, port = sys.argv[1] if len(sys.argv) > 1 else "300", free_port()
    lines: list[str] = []
    lock, stop = threading.Lock(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="sandan-record-") as scratch:
        broker = open_broker(Path(scratch), say)
        try:
            options = ["--exit", "--speed", speed, "--port", str(port)]
            environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
            demo = subprocess.Popen([sys.executable, "-m", "cli.main", "demo", *options], env=environment)
            ears = [
                threading.Thread(target=hear, args=(broker.bootstrap_servers, service, stop, lines, lock))
                for service in SERVICES
            ]
            for ear in ears:
                ear.start()
            try:
                play(ROOT / "var" / f"demo-{port}", f"http://127.0.0.1:{port}/", demo)
                code = demo.wait()
                time.sleep(REST_S)
            finally:
                demo.terminate()
                stop.set()
                for ear in ears:
                    ear.join()
        finally:
            broker.stop()
    shutil.copy(ROOT / "var" / f"demo-{port}" / "complex.yaml", COMPLEX_FILE)
    with gzip.open(RECORD, "wt") as file:
        file.writelines(f"{line}\n" for line in [*lines, corrected(lines)])
    say(f"{len(lines)} messages, {RECORD.stat().st_size} bytes; warm-up {WARM_UP}")
    return code


if __name__ == "__main__":
    sys.exit(main())

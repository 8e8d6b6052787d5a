"""Record a day of the demo as market and settlement hear it: `make record-day`, which also writes the books anew.

The demo runs on a broker of its own, and people act in it over HTTP (`people.py`). One consumer for market and one for
settlement write down each message of their topics in its order of arrival. The recorder itself corrects one reading
after the day.

`day.jsonl.gz` has a JSON line a message, `{"to", "topic", "key", "body", "headers"}`: the wire format and nothing else,
so that the code before and after a change hears the same. `complex.yaml` is the complex of that day.

A new record has new books. Where the books of the same record change, behaviour has changed.
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
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.processes import free_port
from shared.bus.kafka.bus import KafkaBus
from shared.clock import SharedClock
from shared.errors import BadInput
from shared.events.topics import topics_read_by
from shared.events.wire import Message
from shared.paths import ROOT
from tests.broker import open_broker
from tests.recorded_day.people import BUYER_ID, SELLER_ID, after_hours, caller, say, scenes

SERVICES = ("market", "settlement")
RECORD = Path(__file__).parent / "day.jsonl.gz"
COMPLEX_FILE = RECORD.with_name("complex.yaml")
SPEED = "300"
# What is still on its way when the demo has ended.
REST_S = 5.0
CORRECTED_START, CORRECTION_WH = after_hours(10), 1_234
CORRECTION = {"ce_id": "00000000-0000-4000-8000-000000000001", "ce_time": after_hours(25).isoformat()}


class Ears(threading.Thread):
    """Write down what the topics of a service carry, as lines behind those of the other services."""

    def __init__(self, servers: str, service: str, lines: list[str]) -> None:
        super().__init__(name=f"ears of {service}")
        self._servers, self._service, self._lines = servers, service, lines
        self._ended = threading.Event()

    def run(self) -> None:
        """Listen until told to end."""
        topics = [topic.name for topic in topics_read_by(self._service)]
        consumer = KafkaBus(self._servers).consumer(f"recorder_of_{self._service}", topics)
        try:
            while not self._ended.is_set():
                # `+=` on a list is one step: the lines of two threads never mix.
                self._lines += [line_of(self._service, one.message) for one in consumer.poll(0.2)]
                consumer.commit()
        finally:
            consumer.close()

    def end(self) -> None:
        """Stop listening, and wait until that is done.

        Raises:
            RuntimeError: It had stopped before: the record has a hole.
        """
        was_listening = self.is_alive()
        self._ended.set()
        self.join()
        if not was_listening:
            raise RuntimeError(f"the {self.name} heard nothing more before the day ended")


def line_of(service: str, message: Message) -> str:
    """Return a message as a line of the record."""
    headers = [[name, content.decode()] for name, content in message.headers]
    parts = {"to": service, "topic": message.topic, "key": message.key, "body": message.body.decode()}
    return json.dumps({**parts, "headers": headers}, ensure_ascii=False)


def play(folder: Path, url: str, demo: subprocess.Popen[bytes]) -> None:
    """Let people act when the demo's time has come."""
    clock, keys = clock_and_keys(folder, demo)
    people = [caller(url, keys[name]) for name in ("operator", BUYER_ID, SELLER_ID)]
    for scene in scenes(*people):
        while clock.now() < scene.at and demo.poll() is None:
            time.sleep(0.1)
        if demo.poll() is None:
            scene.act(clock.now())


def clock_and_keys(folder: Path, demo: subprocess.Popen[bytes]) -> tuple[SharedClock, dict[str, str]]:
    """Wait for the demo's clock and API keys; the keys are by participant, else by role.

    Raises:
        RuntimeError: The demo ended before.
    """
    while demo.poll() is None:
        try:
            clock = SharedClock(folder / "clock.json")
            keys: list[dict[str, Any]] = json.loads((folder / "keys.json").read_text())
        except (BadInput, OSError, ValueError):
            time.sleep(0.5)
            continue
        return clock, {key["participant_id"] or key["role"]: key["key"] for key in keys}
    raise RuntimeError("the demo ended before its day began")


def correction(lines: list[str]) -> str:
    """Return a line for settlement: the next version of a grid meter's reading of `CORRECTED_START`.

    Raises:
        LookupError: The record has no such reading.
    """
    for line in lines:
        heard = json.loads(line)
        reading = json.loads(heard["body"])
        if (
            dict(heard["headers"])["ce_type"] == "sandan.IntervalMetered.v1"
            and reading["meter_kind"] == "grid"
            and datetime.fromisoformat(reading["delivery_start"]) == CORRECTED_START
        ):
            reading["import_wh"] += CORRECTION_WH
            reading["reading_version"] += 1
            headers = [[name, CORRECTION.get(name, content)] for name, content in heard["headers"]]
            return json.dumps({**heard, "body": json.dumps(reading), "headers": headers}, ensure_ascii=False)
    raise LookupError(f"no grid meter was heard of for {CORRECTED_START}")


def record_day(servers: str, folder: Path, port: int) -> tuple[list[str], int]:
    """Run the demo's day; return the lines of the record and the exit code of the demo."""
    options = ["--exit", "--speed", SPEED, "--port", str(port)]
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers}
    lines: list[str] = []
    demo = subprocess.Popen([sys.executable, "-m", "cli.main", "demo", *options], env=environment)
    ears = [Ears(servers, service, lines) for service in SERVICES]
    for one in ears:
        one.start()
    try:
        play(folder, f"http://127.0.0.1:{port}/", demo)
        code = demo.wait()
        time.sleep(REST_S)
    finally:
        demo.terminate()
        for one in ears:
            one.end()
    return lines, code


def main() -> int:
    """Record a day; return the exit code of the demo."""
    port = free_port()
    folder = ROOT / "var" / f"demo-{port}"
    with tempfile.TemporaryDirectory(prefix="sandan-record-") as scratch:
        broker = open_broker(Path(scratch), say)
        try:
            lines, code = record_day(broker.bootstrap_servers, folder, port)
        finally:
            broker.stop()
    if code == 0:
        shutil.copy(folder / "complex.yaml", COMPLEX_FILE)
        with gzip.open(RECORD, "wt", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in [*lines, correction(lines)])
        say(f"{len(lines)} messages, {RECORD.stat().st_size} bytes")
    return code


if __name__ == "__main__":
    sys.exit(main())

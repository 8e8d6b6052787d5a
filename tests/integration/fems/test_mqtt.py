"""Readings by MQTT through a real broker, and the rules for what a message may say."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import Queue
from typing import BinaryIO

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from services.fems.gateway.intake.admission import ReadingAdmission
from services.fems.gateway.intake.mqtt import MqttRoad, readings_in
from shared.clock import monotonic_s, pause
from shared.errors import BadInput
from shared.events.fems import IntervalMetered
from simulation.bus import MemoryBus
from simulation.clock import ManualClock
from tests.integration.fems.field_town import GatewayBench, a_free_port, a_port_of_its_own
from tests.unit.fems.fields import NOW, a_complex

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
LATER = NOW + timedelta(hours=1)
WAIT_S = 600.0
CONNECT, PUBACK, SUBSCRIBE, LONG = 1, 4, 8, 128
READING = {"meter_id": "plain.grid", "start_utc": "2026-01-07T01:00:00Z", "import_kwh": 12.345}


@contextmanager
def a_mosquitto(port: int) -> Iterator[None]:
    broker = subprocess.Popen([str(MOSQUITTO), "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        broker.terminate()
        broker.wait(WAIT_S)


class Factory:
    """A factory's own system: publishes readings and hears the answers."""

    def __init__(self, port: int, participant_id: str) -> None:
        self._topic = f"sandan/small/{participant_id}"
        self.answers: Queue[dict[str, object]] = Queue()
        self._heard = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._heard.set()
        give_up_at_s = monotonic_s() + WAIT_S
        while True:
            try:
                self._client.connect("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                assert monotonic_s() < give_up_at_s
                pause(0.05)
        self._client.loop_start()
        self._client.subscribe(f"{self._topic}/answers", qos=1)
        assert self._heard.wait(WAIT_S)

    def _on_message(self, client: Client, told: object, message: MQTTMessage) -> None:
        del client, told
        self.answers.put(json.loads(message.payload))

    def publish(self, content: object) -> None:
        self._client.publish(f"{self._topic}/readings", json.dumps(content), qos=1).wait_for_publish(WAIT_S)

    def publish_until_answered(self, content: object) -> None:
        give_up_at_s = monotonic_s() + WAIT_S
        while self.answers.empty():
            assert monotonic_s() < give_up_at_s
            self.publish(content)
            pause(0.2)

    def problem(self) -> str:
        """Wait for an answer that names a problem."""
        while True:
            answer = self.answers.get(timeout=WAIT_S)
            if "problem" in answer:
                return str(answer["problem"])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.skipif(MOSQUITTO is None, reason="needs an MQTT broker: apt-get install mosquitto")
def test_reading_that_a_factory_publishes_is_taken_also_while_the_gateway_is_away(tmp_path: Path) -> None:
    port, complex_, clock = a_free_port(), a_port_of_its_own(), ManualClock(LATER)
    url, stop = f"mqtt://127.0.0.1:{port}", threading.Event()
    with a_mosquitto(port), GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
        factory = Factory(port, "plain")
        road = MqttRoad(ReadingAdmission(complex_), clock, gateway.engine, url, stop)
        road.start()
        # The gateway's subscription may come after the message; a factory without an answer says it again.
        factory.publish_until_answered(READING)
        road.close()

        factory.publish([READING | {"import_kwh": "13"}])
        factory.publish(READING | {"meter_id": "sunny.grid"})
        again = MqttRoad(ReadingAdmission(complex_), clock, gateway.engine, url, stop)
        again.start()
        # Messages are taken in order, so with this answer the one before is in the database.
        assert "must be a meter of the participant in the topic" in factory.problem()

        again.close()
        factory.close()
        found = gateway.published(IntervalMetered)
    assert [(one.reading_version, one.import_wh, one.flags) for one in found] == [
        (1, 12_345, ("uploaded",)),
        (2, 13_000, ("uploaded",)),
    ]


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        (b"\xff", r"\$ must be UTF-8 text"),
        (b"{", r"line 1 column 2 must be JSON"),
        (b"[" * 100_000, r"\$ must be a flat object"),
        (b"7", r"\$\[0\]: \$ must be an object"),
        (b"[{}]", r"meter_id must be given"),
        (json.dumps(READING | {"colour": "red"}).encode(), "colour must be a known key"),
        (json.dumps(READING | {"import_kwh": None}).encode(), "import_kwh must be text or a number"),
        (json.dumps(READING | {"import_kwh": float("nan")}).encode(), r"\$.import_kwh must be a finite number"),
        (json.dumps([READING, READING | {"import_kwh": True}]).encode(), "import_kwh must be text or a number"),
        (json.dumps(READING | {"import_kwh": -1}).encode(), "import_kwh must be a number >= 0 kWh"),
        (json.dumps(READING | {"import_kwh": 1e300}).encode(), r"\$.import_kwh must have an exponent"),
        (json.dumps(READING).replace("{", '{"meter_id": "x", ', 1).encode(), r"\$.meter_id must be given once"),
        (json.dumps(READING | {"start_utc": "2026-01-07T01:00:00"}).encode(), "start_utc must be a quarter hour"),
        (json.dumps([READING] * 1_001).encode(), "must have at most 1000 readings"),
    ],
)
def test_message_that_breaks_a_rule_is_refused_by_it(payload: bytes, rule: str) -> None:
    with pytest.raises(BadInput, match=rule):
        readings_in(payload, ReadingAdmission(a_complex()), "plain", now=LATER)


def answers_of_a_gateway(folder: Path, *messages: tuple[bytes, bytes]) -> list[bytes]:
    """Return the ids of the messages that a gateway acknowledges to a broker that lets any topic through, in order."""
    complex_, clock, stop = a_port_of_its_own(), ManualClock(LATER), threading.Event()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        GatewayBench(complex_, folder, clock, MemoryBus()) as bench,
    ):
        url = f"mqtt://127.0.0.1:{listener.getsockname()[1]}"
        road = MqttRoad(ReadingAdmission(complex_), clock, bench.engine, url, stop)
        road.start()
        broker, _ = listener.accept()
        broker.settimeout(WAIT_S)
        with broker, broker.makefile("rb") as packets:
            acknowledged = []
            for packet_type, content in packets_in(packets):
                if packet_type == CONNECT:
                    broker.sendall(b"\x20\x02\x00\x00")
                elif packet_type == SUBSCRIBE:
                    broker.sendall(b"\x90\x03" + content[:2] + b"\x01")
                    for number, (topic, payload) in enumerate(messages, start=1):
                        body = len(topic).to_bytes(2) + topic + number.to_bytes(2) + payload
                        broker.sendall(b"\x32" + bytes([len(body)]) + body)
                elif packet_type == PUBACK:
                    acknowledged.append(content)
                    if len(acknowledged) == len(messages):
                        break
            road.close()
        return acknowledged


def packets_in(packets: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield packets by type, as long as they are short: one byte then tells their length."""
    while head := packets.read(2):
        length = head[1] if head[1] < LONG else (head[1] - LONG) + LONG * packets.read(1)[0]
        yield head[0] >> 4, packets.read(length)


def test_message_with_an_odd_topic_is_acknowledged_and_the_next_one_taken(tmp_path: Path) -> None:
    odd = [b"sandan/small/\xff/readings", b"sandan", b"sandan/small/#/readings", b"sandan/small//readings"]
    reading = json.dumps({**READING, "import_kwh": "1"}).encode()

    assert len(answers_of_a_gateway(tmp_path, *((topic, reading) for topic in odd))) == len(odd)


def test_message_that_has_an_interval_twice_is_refused_whole() -> None:
    message = json.dumps([READING, {**READING, "import_kwh": 1}]).encode()

    try:
        taken: object = readings_in(message, ReadingAdmission(a_complex()), "plain", now=LATER)
    except BadInput as problem:
        taken = str(problem)

    assert taken == (
        "message of plain, $[1]: start_utc must be unique for a meter ($[0] has it too), was '2026-01-07T01:00:00Z'"
    )

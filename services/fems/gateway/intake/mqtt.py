"""Readings from factories' own energy management systems, by MQTT.

A factory publishes to `sandan/COMPLEX/PARTICIPANT/readings` (QoS 1) one JSON object or a list of them with the fields
of `submitted`; numbers may be JSON numbers or text. The answer comes on `.../answers`: how many were taken, or why not.
A message is acknowledged after its readings are in the database, so what a dying gateway had not taken comes again.
"""

import json
import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy.engine import Engine

from services.fems.gateway.intake.admission import OPTIONAL, REQUIRED, ReadingAdmission
from services.fems.gateway.publishing import Metered, publish
from shared import strict_json
from shared.clock import Clock
from shared.complex.model import Device
from shared.errors import ODD_INPUT, BadInput
from shared.runtime.runloop import PASSING_FAULTS

logger = logging.getLogger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
READINGS_MAX = 1_000
BYTES_MAX = 500_000
RETRY_WAIT_S = 1.0
RECONNECT_S_MIN, RECONNECT_S_MAX = 1, 30


class MqttRoad:
    """One complex's subscription; the client's own thread takes messages in."""

    def __init__(self, desk: ReadingAdmission, clock: Clock, engine: Engine, url: str, stop: threading.Event) -> None:
        self._desk = desk
        self._clock = clock
        self._engine = engine
        self._stop = stop
        self._fault: Exception | None = None
        # A session of its own that the broker keeps: what was published while the gateway was away comes later.
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"sandan-fems-{desk.complex_id}",
            clean_session=False,
            manual_ack=True,
        )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(RECONNECT_S_MIN, RECONNECT_S_MAX)
        parts = urlsplit(url)
        if parts.username is not None:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.connect_async(parts.hostname or "", parts.port or PORTS[parts.scheme])

    def start(self) -> None:
        """Connect, now or when the broker is there."""
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect; the broker keeps what comes meanwhile. Raises what ended the client's thread, if anything did."""
        self._client.disconnect()
        self._client.loop_stop()
        if self._fault is not None:
            raise self._fault

    def _on_connect(
        self, client: Client, told: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        del told, flags, properties
        if reason.is_failure:
            logger.error("mqtt broker refuses", extra=self._facts() | {"reason": str(reason)})
            return
        client.subscribe(f"sandan/{self._desk.complex_id}/+/readings", qos=1)
        logger.info("mqtt connected", extra=self._facts())

    def _on_disconnect(
        self, client: Client, told: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        del client, told, flags, properties
        logger.warning("mqtt disconnected", extra=self._facts() | {"reason": str(reason)})

    def _on_message(self, client: Client, told: object, message: MQTTMessage) -> None:
        del told
        try:
            self._take(client, message)
        except Exception as fault:
            # The client's thread would end alone, and nobody would hear of readings any more.
            self._fault = fault
            self._stop.set()
            raise

    def _take(self, client: Client, message: MQTTMessage) -> None:
        answer: dict[str, object]
        try:
            participant_id = participant_in(message.topic)
            found = readings_in(bytes(message.payload), self._desk, participant_id, now=self._clock.shown())
        except (BadInput, *ODD_INPUT) as problem:
            reason = str(problem) if isinstance(problem, BadInput) else f"not understood ({type(problem).__name__})"
            answer = {"taken": 0, "problem": reason}
            logger.warning("mqtt message refused", extra=self._facts() | {"reason": reason})
        else:
            if not self._saved(found):
                return
            answer = {"taken": len(found)}
        try:
            topic = f"sandan/{self._desk.complex_id}/{participant_in(message.topic)}/answers"
            client.publish(topic, json.dumps(answer), qos=1)
        except ODD_INPUT as odd:
            logger.warning("mqtt message has no answer", extra=self._facts() | {"reason": str(odd)})
        client.ack(message.mid, message.qos)

    def _saved(self, found: list[tuple[Device, Metered]]) -> bool:
        """Publish readings, waiting for a database that is away; False where the process ends first."""
        while not self._stop.is_set():
            try:
                with self._engine.begin() as db:
                    for device, one in found:
                        publish(db, self._desk.complex_id, device, [one], now=self._clock.now())
            except PASSING_FAULTS as fault:
                logger.warning("waiting for the database or the clock", extra={"reason": str(fault)})
                self._stop.wait(RETRY_WAIT_S)
            else:
                return True
        return False

    def _facts(self) -> dict[str, object]:
        return {"complex_id": self._desk.complex_id}


def participant_in(topic: str) -> str:
    """Return who published to a topic that this subscription has."""
    return topic.split("/")[2]


def readings_in(
    payload: bytes, desk: ReadingAdmission, participant_id: str, *, now: datetime
) -> list[tuple[Device, Metered]]:
    """Return the readings of one message.

    Raises:
        BadInput: It is no JSON of the form, or a reading breaks a rule or is of another participant's meter.
    """
    where = f"message of {participant_id}"
    if len(payload) > BYTES_MAX:
        raise BadInput(where=where, field="$", rule=f"must have at most {BYTES_MAX} bytes", value=len(payload))
    content = strict_json.parse(payload, where=where)
    rows = content if isinstance(content, list) else [content]
    if len(rows) > READINGS_MAX:
        raise BadInput(where=where, field="$", rule=f"must have at most {READINGS_MAX} readings", value=len(rows))
    found = []
    seen: dict[tuple[str, int], int] = {}
    for position, row in enumerate(rows):
        place = f"{where}, $[{position}]"
        device, one = desk.checked(_texts(row, where=place), where=place, now=now)
        if device.participant_id != participant_id:
            rule = "must be a meter of the participant in the topic"
            raise BadInput(where=place, field="meter_id", rule=rule, value=device.device_id)
        first = seen.setdefault((device.device_id, one.number), position)
        if first != position:
            rule = f"must be unique for a meter ($[{first}] has it too)"
            raise BadInput(where=place, field="start_utc", rule=rule, value=row["start_utc"])
        found.append((device, one))
    return found


def _texts(row: object, *, where: str) -> Mapping[str, str]:
    if not isinstance(row, dict):
        raise BadInput(where=where, field="$", rule="must be an object", value=type(row).__name__)
    for name in REQUIRED:
        if name not in row:
            raise BadInput(where=where, field=name, rule="must be given", value="nothing")
    for name, text in row.items():
        if name not in (*REQUIRED, *OPTIONAL):
            raise BadInput(where=where, field=name, rule="must be a known key", value=str(text))
        if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
            raise BadInput(where=where, field=name, rule="must be text or a number", value=str(text))
    texts = {name: row.get(name, "") for name in (*REQUIRED, *OPTIONAL)}
    # A file of readings has numbers as text, and both go the same way from here.
    return {name: text if isinstance(text, str) else f"{Decimal(text):f}" for name, text in texts.items()}

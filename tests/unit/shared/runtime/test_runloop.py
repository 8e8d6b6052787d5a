import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from shared.db.tables import new_metadata
from shared.events.base import Envelope, Event
from shared.events.deadletters import MessageSetAside
from shared.events.fems import DeviceObserved
from shared.events.topics import PARTITIONS
from shared.events.wire import MESSAGE_BYTES_MAX, Message
from shared.runtime.runloop import Service
from tests.component.harness import Bench

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
STATES = "fems.states.v1"


@pytest.fixture
def api(tmp_path: Path) -> Bench:
    return Bench(
        Service(name="trading_api", complexes={"changwon-demo"}, handlers={DeviceObserved: lambda *_: []}),
        new_metadata(),
        tmp_path,
        NOON,
    )


def a_message(body: bytes = b"{}", subject: bytes = b"changwon-demo", topic: str = STATES) -> Message:
    headers = (
        ("ce_id", str(uuid.UUID(int=7)).encode()),
        ("ce_type", b"sandan.DeviceObserved.v1"),
        ("ce_time", b"2026-05-20T03:00:00+00:00"),
        ("ce_source", b"/sandan/fems"),
        ("ce_subject", subject),
    )
    return Message(topic=topic, key="changwon-demo/x", body=body, headers=headers)


def test_a_message_that_can_not_be_decoded_is_set_aside_once_with_its_place_and_reason(api: Bench) -> None:
    api.bus.append(a_message())

    api.run()

    [letter] = api.published(MessageSetAside)
    assert letter.complex_id == "changwon-demo"
    assert (letter.service, letter.topic, letter.offset) == ("trading_api", STATES, 0)
    assert letter.reason == "sandan.DeviceObserved.v1: complex_id: Field required"
    assert letter.body_base64 == "e30="  # {} in base64


def test_a_subject_that_is_no_identifier_leaves_the_complex_unknown(api: Bench) -> None:
    api.bus.append(a_message(subject=b"\xff drop table"))

    api.run()

    assert [letter.complex_id for letter in api.published(MessageSetAside)] == ["unknown"]


def test_the_letter_about_an_oversize_message_fits_into_a_message(api: Bench) -> None:
    api.bus.append(a_message(body=b"x" * (MESSAGE_BYTES_MAX + 1)))

    api.run()

    [letter] = api.published(MessageSetAside)
    assert letter.reason == "body must be at most 1000000 bytes, was 1000001"
    assert len(letter.model_dump_json()) < MESSAGE_BYTES_MAX


def test_a_redelivered_bad_message_leads_to_no_second_letter(api: Bench) -> None:
    api.bus.append(a_message())
    api.run()

    api.bus.commit("trading_api", dict.fromkeys(((STATES, part) for part in range(PARTITIONS)), 0))
    api.restart()
    api.run()

    assert len(api.published(MessageSetAside)) == 1


def test_junk_in_the_reader_s_own_dead_letter_topic_leads_to_one_letter_and_no_loop(api: Bench) -> None:
    api.bus.append(a_message(topic="trading_api.dead_letters.v1", body=b"junk"))

    api.run()

    assert len(api.bus.messages("trading_api.dead_letters.v1")) == 2


def test_the_longest_letter_that_a_message_can_lead_to_fits_into_a_message(api: Bench) -> None:
    # What grows most in JSON, six bytes a character, in every field that comes from outside.
    worst = "\x01" * 2_000
    headers = tuple((worst, worst.encode()) for _ in range(200))
    api.bus.append(Message(topic=STATES, key=worst, body=b"\xff" * (MESSAGE_BYTES_MAX + 1), headers=headers))

    api.run()

    assert len(api.published(MessageSetAside)) == 1


@pytest.mark.parametrize("complex_id", ["changwon-demo", "elsewhere", "unknown"])
def test_dead_letter_is_taken_in_whatever_complex_it_names(complex_id: str, tmp_path: Path) -> None:
    heard: list[str] = []

    def note(envelope: Envelope[MessageSetAside], db: Connection) -> list[Event]:
        del db
        heard.append(envelope.event.complex_id)
        return []

    service = Service(name="trading_api", complexes={"changwon-demo"}, handlers={MessageSetAside: note})
    reader = Bench(service, new_metadata(), tmp_path, NOON)
    letter = MessageSetAside(
        complex_id=complex_id,
        service="market",
        topic=STATES,
        partition=0,
        offset=0,
        key="k",
        reason="r",
        set_aside_at=NOON,
        headers=(),
        body_base64="",
    )

    reader.give(letter, producer="market")

    assert heard == [complex_id]

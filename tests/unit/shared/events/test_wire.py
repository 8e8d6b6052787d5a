import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.base import Envelope, derived_id, named_id
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.planner import StudyFailed
from shared.events.topics import TOPICS, topic_written_by
from shared.events.wire import MESSAGE_BYTES_MAX, EventTooLarge, Message, Undecodable, decode, encode

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
BODY = (
    '{"complex_id":"changwon-demo","meter_id":"m","participant_id":"p","meter_kind":"grid",'
    '"delivery_start":"2026-05-20T03:00:00Z","import_wh":5,"export_wh":0,"quality":"measured",'
    '"flags":[],"reading_version":1}'
)
HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": b"00000000-0000-0000-0000-000000000007",
    "ce_source": b"/sandan/fems",
    "ce_type": b"sandan.IntervalMetered.v1",
    "ce_time": b"2026-05-20T03:00:00+00:00",
    "ce_subject": b"changwon-demo",
    "content-type": b"application/json",
}


def a_message(body: str = BODY, **headers: bytes | None) -> Message:
    """Return a good message but for what is given; None leaves a header out."""
    chosen = {**HEADERS, **headers}
    kept = tuple((name, content) for name, content in chosen.items() if content is not None)
    return Message(topic="fems.readings.v1", key="changwon-demo/m", body=body.encode(), headers=kept)


def a_reading(**changes: Any) -> IntervalMetered:
    """Return the event of a good message."""
    facts = {
        "complex_id": "changwon-demo",
        "meter_id": "m",
        "participant_id": "p",
        "meter_kind": MeterKind.GRID,
        "delivery_start": NOON,
        "import_wh": 5,
        "export_wh": 0,
        "quality": Quality.MEASURED,
    }
    return IntervalMetered(**{**facts, **changes})


def test_a_good_message_is_its_event() -> None:
    assert decode(a_message()) == Envelope(
        event_id=uuid.UUID(int=7), occurred_at=NOON, source="fems", event=a_reading()
    )


def test_an_event_becomes_a_cloud_event_in_binary_mode() -> None:
    envelope = Envelope(event_id=uuid.UUID(int=7), occurred_at=NOON, source="fems", event=a_reading())

    assert encode(envelope, topic="fems.readings.v1", key="changwon-demo/m") == a_message()


@given(
    st.integers(min_value=0, max_value=2**63 - 1),
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 -- hypothesis adds the zone
    st.uuids(),
)
def test_whatever_is_encoded_decodes_to_the_same(energy_wh: int, instant: datetime, event_id: uuid.UUID) -> None:
    event = a_reading(import_wh=energy_wh, delivery_start=instant)
    envelope = Envelope(event_id=event_id, occurred_at=instant, source="fems", event=event)

    assert decode(encode(envelope, topic="t", key="k")) == envelope


def test_instants_of_other_zones_are_read_as_utc() -> None:
    korea = timezone(timedelta(hours=9))

    event = decode(a_message(BODY.replace("T03:00:00Z", "T12:00:00+09:00"))).event

    assert event == a_reading(delivery_start=datetime(2026, 5, 20, 12, tzinfo=korea))
    assert isinstance(event, IntervalMetered)
    assert event.delivery_start.tzinfo is UTC


def test_a_field_that_a_newer_producer_added_is_ignored() -> None:
    assert decode(a_message(BODY.replace("{", '{"firmware":"2.1",', 1))).event == a_reading()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (a_message(ce_id=None), "header ce_id must be present"),
        (a_message(ce_type=None), "header ce_type must be present"),
        (a_message(ce_time=None), "header ce_time must be present"),
        (a_message(ce_source=None), "header ce_source must be present"),
        (a_message(ce_id=b"7"), "headers must be CloudEvents attributes"),
        (a_message(ce_id=b"\xff"), "headers must be CloudEvents attributes"),
        (a_message(ce_time=b"noon"), "headers must be CloudEvents attributes"),
        (a_message(ce_time=b"2026-05-20T03:00:00"), "ce_time must carry a UTC offset"),
        (
            a_message(ce_type=b"sandan.IntervalMetered.v2"),
            "must be a known event and version, was sandan.IntervalMeter",
        ),
        (a_message(ce_time=b"0001-01-01T00:00:00+14:00"), "ce_time: Instant should lie in the years 1970 to 2999"),
        (a_message(""), "body: Invalid JSON"),
        (a_message("[]"), "body: Input should be an object"),
        (a_message(BODY.replace('_wh":5', '_wh":NaN')), "import_wh: "),
        (a_message(BODY.replace('_wh":5', '_wh":5.0')), "import_wh: "),
        (a_message(BODY.replace('_wh":5', '_wh":"5"')), "import_wh: "),
        (a_message(BODY.replace('_wh":5', '_wh":-5')), "import_wh: Input should be greater than or equal to 0"),
        (
            a_message(BODY.replace('_wh":5', '_wh":9223372036854775808')),
            "import_wh: Input should be less than or equal to",
        ),
        (
            a_message(BODY.replace("2026-", "0001-")),
            "delivery_start: Value error, Instant should lie in the years 1970",
        ),
        (
            a_message(BODY.replace("2026-", "9999-")),
            "delivery_start: Value error, Instant should lie in the years 1970",
        ),
        (a_message(BODY.replace("T03:00:00Z", "T03:00:00")), "delivery_start: Input should have timezone info"),
        (a_message(BODY.replace('"grid"', '"gas"')), "meter_kind: "),
        (a_message(BODY.replace('"m"', '"m/../x"')), "meter_id: String should match pattern"),
        (a_message(BODY.replace('"quality"', '"grade"')), "quality: Field required"),
        (a_message("[" * 100_000), "body: Invalid JSON"),
        (a_message(" " * (MESSAGE_BYTES_MAX + 1)), "body must be at most 1000000 bytes, was 1000001"),
    ],
)
def test_what_is_no_event_of_ours_is_refused_with_the_reason(message: Message, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(message)

    assert reason in str(caught.value)


def test_ids_repeat_with_their_cause_and_differ_with_anything_else() -> None:
    cause = uuid.UUID(int=7)

    assert derived_id(cause, 0, "a") == derived_id(cause, 0, "a")
    assert len({derived_id(cause, 0, "a"), derived_id(cause, 1, "a"), derived_id(cause, 0, "b"), cause}) == 4
    assert named_id("order", "x", 1) == named_id("order", "x", "1")
    assert named_id("order", "x") != named_id("order", "y")


def test_a_topic_keys_its_events_by_what_must_stay_in_order() -> None:
    assert topic_written_by("fems", a_reading()).key_of(a_reading()) == "changwon-demo/m"


def test_a_service_without_a_topic_for_its_event_breaks_the_table() -> None:
    with pytest.raises(LookupError, match="market has no topic for IntervalMetered"):
        topic_written_by("market", a_reading())


def test_every_topic_has_its_producer_s_name_once() -> None:
    names = [topic.name for topic in TOPICS]

    assert len(set(names)) == len(names)


def a_failure(reason_bytes: int) -> Envelope[StudyFailed]:
    failed = StudyFailed(complex_id="c", study_id="s", reason="x" * reason_bytes)
    return Envelope(event_id=uuid.UUID(int=7), occurred_at=NOON, source="planner", event=failed)


# Key "c/s": 3. Names of the seven headers: 14 + 5 + 9 + 7 + 7 + 10 + 12 = 64; what they say: "1.0" 3, the id 36,
# "/sandan/planner" 15, "sandan.StudyFailed.v1" 21, "2026-05-20T03:00:00+00:00" 25, "c" 1, "application/json" 16: 117.
# Body without its reason: {"complex_id":"c","study_id":"s","reason":""} 45.
AROUND_THE_REASON = 3 + 64 + 117 + 45


def test_the_largest_event_counts_key_headers_and_body_and_is_decoded() -> None:
    envelope = a_failure(1_000_000 - AROUND_THE_REASON)

    message = encode(envelope, topic="planner.results.v1", key="c/s")

    assert message.size_bytes == MESSAGE_BYTES_MAX == 1_000_000
    assert decode(message) == envelope


def test_an_event_larger_by_one_byte_is_refused_with_its_type_and_size() -> None:
    refused = r"sandan\.StudyFailed\.v1 of c/s must be at most 1000000 bytes, was 1000001"

    with pytest.raises(EventTooLarge, match=refused):
        encode(a_failure(1_000_001 - AROUND_THE_REASON), topic="planner.results.v1", key="c/s")

"""An interval's settlement, and a part of its certificates, fit into one message, whatever the names."""

from dataclasses import fields
from datetime import UTC, datetime
from uuid import UUID

from pydantic import TypeAdapter

from services.settlement.handlers.certifying import ROWS_A_PART
from shared.complex.model import PARTICIPANTS_MAX
from shared.events.base import Envelope
from shared.events.records import CertificateLine, CertificateSlice, SettledLine
from shared.events.settlement import CertificatesSettled, IntervalResettled, IntervalSettled
from shared.events.wire import MESSAGE_BYTES_MAX, encode

INSTANT = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
LONGEST_ID = "x" * 100  # the most that an Identifier may have
LARGEST_WH = 10**15


def names_of(record: type) -> list[str]:
    return [field.name for field in fields(record)]


def test_the_largest_part_with_the_longest_names_fits_into_one_message() -> None:
    part = CertificateSlice(
        device_id=LONGEST_ID,
        producer_id=LONGEST_ID,
        range_start=LARGEST_WH,
        range_end=LARGEST_WH,
        account_id=LONGEST_ID,
        purpose="correction",
        trade_id=LONGEST_ID,
        battery_id=LONGEST_ID,
        charged_at=INSTANT,
        storage_efficiency_ppm=921_601,
    )
    figures = {name: LARGEST_WH for name in names_of(CertificateLine) if name != "participant_id"}
    line = CertificateLine(participant_id=LONGEST_ID, **figures)
    settled = CertificatesSettled(
        complex_id=LONGEST_ID,
        delivery_start=INSTANT,
        certified_at=INSTANT,
        revision=10**6,
        number=10**9,
        hash="0" * 64,
        part=100,
        parts=100,
        lines=(),
        slices=(part,) * ROWS_A_PART,
    )

    assert len(TypeAdapter(CertificateLine).dump_json(line)) < len(TypeAdapter(CertificateSlice).dump_json(part))
    assert len(settled.model_dump_json()) < MESSAGE_BYTES_MAX


def test_the_settlement_of_the_largest_complex_fits_into_one_message() -> None:
    # At most 10^7 kW: 2.5 * 10^9 Wh in an interval; at 10^7 jeon/kWh that is 2.5 * 10^11 KRW, a digit more for sums.
    largest = {"_wh": 10**11, "_krw": -(10**13), "_jeon_per_kwh": -(10**7)}
    figures = {
        name: next(figure for unit, figure in largest.items() if name.endswith(unit))
        for name in names_of(SettledLine)
        if name not in ("participant_id", "cost_without_krw")
    }
    # A participant's id has at most 64 characters.
    line = SettledLine(participant_id="x" * 64, cost_without_krw=-(10**13), **figures)
    facts = {
        "complex_id": "x" * 64,
        "delivery_start": INSTANT,
        "ledger_entries": 10**6,
        "ledger_sum_krw": 0,
        "lines": (line,) * PARTICIPANTS_MAX,
        "ledger_number": 10**9,
        "ledger_hash": "0" * 64,
    }
    settled = IntervalSettled.model_validate({**facts, "settled_at": INSTANT})
    again = IntervalResettled.model_validate({**facts, "resettled_at": INSTANT, "meter_id": LONGEST_ID})

    for event in (settled, again):
        envelope = Envelope(event_id=UUID(int=7), occurred_at=INSTANT, source="settlement", event=event)
        assert encode(envelope, topic="settlement.statements.v1", key=event.complex_id).size_bytes <= MESSAGE_BYTES_MAX

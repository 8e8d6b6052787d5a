"""A part of an interval's certificates fits into one message, whatever the names."""

from datetime import UTC, datetime

from services.settlement.handlers.certifying import ROWS_A_PART
from shared.events.settlement import CertificateLine, CertificateSlice, CertificatesSettled
from shared.events.wire import MESSAGE_BYTES_MAX

INSTANT = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
LONGEST_ID = "x" * 100  # the most that an Identifier may have
LARGEST_WH = 10**15


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
    figures = {name: LARGEST_WH for name in CertificateLine.model_fields if name != "participant_id"}
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

    assert len(line.model_dump_json()) < len(part.model_dump_json())
    assert len(settled.model_dump_json()) < MESSAGE_BYTES_MAX

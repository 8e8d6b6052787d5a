"""A part of the sites' accuracy fits into one message, whatever the names."""

from datetime import UTC, datetime
from uuid import UUID

from services.forecast.domain.accuracy.running_sums import LEADS
from services.forecast.handlers.accuracy import SITES_A_MESSAGE
from shared.events.base import Envelope
from shared.events.forecast import AccuracyMeasured, ForecastKind, LeadAccuracy, SiteAccuracy
from shared.events.wire import MESSAGE_BYTES_MAX, encode

INSTANT = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
LONGEST_ID = "x" * 100  # the most that an Identifier may have
LONGEST_FLOAT = -1.2345678901234567e-305  # 24 characters, which no float exceeds


def test_the_largest_part_of_the_sites_fits_into_one_message() -> None:
    figures = dict.fromkeys(LeadAccuracy.model_fields, LONGEST_FLOAT)
    lead = LeadAccuracy.model_validate({**figures, "lead_hours": "12-24.25", "forecasts": 10**9})
    site = SiteAccuracy(site_id=LONGEST_ID, participant_id=LONGEST_ID, is_drifting=False, leads=(lead,) * len(LEADS))
    event = AccuracyMeasured(
        complex_id=LONGEST_ID, kind=ForecastKind.LOAD, measured_at=INSTANT, days=7, sites=(site,) * SITES_A_MESSAGE
    )

    envelope = Envelope(event_id=UUID(int=7), occurred_at=INSTANT, source="forecast", event=event)

    assert encode(envelope, topic="forecast.accuracy.v1", key=LONGEST_ID).size_bytes <= MESSAGE_BYTES_MAX

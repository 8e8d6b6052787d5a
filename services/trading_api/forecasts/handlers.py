"""Keep forecasts and how good they were."""

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import upsert
from services.trading_api.forecasts.tables import ACCURACY, FORECAST
from services.trading_api.forecasts.views import accuracy_view
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.roles import ALL, audience_of
from shared.events.base import Envelope, Event
from shared.events.forecast import AccuracyMeasured, ForecastIssued

DECIMALS_KW = 1


class ForecastHandlers:
    """Keep forecasts and their accuracy."""

    def on_forecast_issued(self, envelope: Envelope[ForecastIssued], db: Connection) -> list[Event]:
        """Keep a forecast, to a tenth of a kW."""
        event = envelope.event
        series = {"p10_kw": event.p10_kw, "p50_kw": event.p50_kw, "p90_kw": event.p90_kw, "mean_kw": event.mean_kw}
        row = {
            "complex_id": event.complex_id,
            "site_id": event.site_id,
            "kind": event.kind.value,
            "first_delivery_start": event.first_delivery_start,
            "participant_id": event.participant_id,
            "model": event.model,
            "issued_at": event.issued_at,
            "series": {name: [round(power_kw, DECIMALS_KW) for power_kw in powers] for name, powers in series.items()},
        }
        upsert(db, FORECAST, [row], newer="issued_at")
        return []

    def on_accuracy_measured(self, envelope: Envelope[AccuracyMeasured], db: Connection) -> list[Event]:
        """Keep how good the forecasts were, the newest word of each site; each factory hears of its own."""
        event = envelope.event
        rows = [
            {
                "complex_id": event.complex_id,
                "kind": event.kind.value,
                "site_id": site.site_id or "",
                "participant_id": site.participant_id,
                "measured_at": event.measured_at,
                "days": event.days,
                "is_drifting": site.is_drifting,
                "leads": [lead.model_dump() for lead in site.leads],
            }
            for site in event.sites
        ]
        upsert(db, ACCURACY, rows, newer="measured_at")
        told = [(ALL if not row["site_id"] else audience_of(str(row["participant_id"])), row) for row in rows]
        show(db, envelope, *(StreamEntry(audience, "accuracy", accuracy_view(row)) for audience, row in told))
        return []

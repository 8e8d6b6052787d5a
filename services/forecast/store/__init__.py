"""What the forecast service keeps: forecasts, models and weather, and readings (`shared.metering.history`)."""

from services.forecast.store.tables import METADATA

__all__ = ["METADATA"]

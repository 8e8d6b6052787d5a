"""What the forecast service keeps: forecasts, models and weather, and readings (`shared.metering.history`)."""

from services.forecast.store.issues import (
    drop_issued_before,
    last_issue,
    load_issued,
    load_tallies,
    save_issue,
    save_issued,
    save_scored_through,
    save_tally,
    scored_through,
)
from services.forecast.store.registry import (
    ModelRow,
    add_model,
    drop_models_before,
    judged_day,
    model_body,
    save_judged_day,
    serve_model,
    serve_none,
    serving_model,
)
from services.forecast.store.tables import ISSUED, ISSUES, JUDGED, METADATA, MODELS, TALLY, WEATHER
from services.forecast.store.weather import drop_weather_before, load_weather, save_weather

__all__ = [
    "ISSUED",
    "ISSUES",
    "JUDGED",
    "METADATA",
    "MODELS",
    "TALLY",
    "WEATHER",
    "ModelRow",
    "add_model",
    "drop_issued_before",
    "drop_models_before",
    "drop_weather_before",
    "judged_day",
    "last_issue",
    "load_issued",
    "load_tallies",
    "load_weather",
    "model_body",
    "save_issue",
    "save_issued",
    "save_judged_day",
    "save_scored_through",
    "save_tally",
    "save_weather",
    "scored_through",
    "serve_model",
    "serve_none",
    "serving_model",
]

"""Look for newer weather beside the run loop, and keep it where the forecaster finds it."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from services.forecast.store.weather import drop_weather_before, save_weather
from services.forecast.weather.chain import ask
from services.forecast.weather.clear_sky import ClearSkySource
from services.forecast.weather.source import WeatherSource
from shared.clock import Clock
from shared.runtime.runloop import PASSING_FAULTS

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The sources of each complex, asked every so often by the clock."""

    sources: Mapping[str, Sequence[WeatherSource]]
    last_resort: Mapping[str, ClearSkySource]
    clock: Clock
    engine: Engine
    every: timedelta

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop; a database that is away is tried again the next time."""
        due: datetime | None = None
        asked = [complex_id for complex_id, sources in self.sources.items() if sources]
        while not stop.is_set():
            now = self.clock.shown()
            if due is None or now >= due:
                due = now + self.every
                for complex_id in asked:
                    try:
                        self.look(complex_id, self.clock.now())
                    except PASSING_FAULTS as fault:
                        logger.warning("weather was not kept", extra={"complex_id": complex_id, "reason": str(fault)})
            stop.wait(LOOK_EVERY_S)

    def look(self, complex_id: str, now: datetime) -> None:
        """Ask a complex's sources once and keep the answer."""
        answer = ask(self.sources[complex_id], self.last_resort[complex_id], now)
        for source, reason in answer.passed_over:
            facts = {"complex_id": complex_id, "source": source.value, "reason": reason}
            logger.warning("a weather source does not serve", extra=facts)
        with self.engine.begin() as db:
            save_weather(db, complex_id, now, answer.frame, answer.used, answer.passed_over)
            drop_weather_before(db, complex_id, now - KEPT)

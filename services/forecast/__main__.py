"""The forecast service's process."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import Connection, Engine

from services.forecast import handlers
from services.forecast.domain.learning import boosting
from services.forecast.domain.solar.kma import SHORT_TERM, ULTRA_SHORT_TERM
from services.forecast.domain.solar.physics import Place
from services.forecast.handlers.learning import Learner
from services.forecast.handlers.meters import place_of
from services.forecast.weather.clear_sky import ClearSkySource
from services.forecast.weather.kma import KMA_URL, Kma
from services.forecast.weather.open_meteo import OPEN_METEO_URL, OpenMeteo
from services.forecast.weather.replay import Replay, read_replay
from services.forecast.weather.source import LIVE_SOURCES, SourceName, WeatherSource
from services.forecast.weather.watch import Watch
from shared.errors import BadInput
from shared.events.base import Event
from shared.events.forecast import AccuracyMeasured
from shared.metering.history import take_history_in
from shared.runtime.entry import run
from shared.runtime.metrics import FORECAST_COVERAGE, FORECAST_DRIFTING, FORECAST_NMAE, FORECAST_SKILL, Metrics
from shared.runtime.runloop import PASSING_FAULTS, Service
from shared.runtime.service_main import Context, open_context, patiently, serve, stop_on_signals
from shared.settings import load

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
WEB_ADDRESS = r"^https?://[^\s?#]+$"


class Settings(BaseSettings):
    """Environment of the forecast service; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="FORECAST_", frozen=True)

    history_file: Path | None = Field(
        default=None, description="A meter archive (CSV or Parquet), taken in once, before anything was metered."
    )
    weather_sources: tuple[SourceName, ...] = Field(
        default=(SourceName.CLEAR_SKY,),
        description="Weather forecasts that roofs follow, the best first, as a JSON list.",
    )
    weather_every_minutes: int = Field(
        default=10, ge=1, le=360, description="Minutes between two questions to these sources."
    )
    weather_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Seconds that one answer is waited for.")
    weather_csv: Path | None = Field(default=None, description="The file of the source `csv`.")
    weather_kma_key: SecretStr | None = Field(default=None, description="Service key of data.go.kr, for `kma_*`.")
    weather_kma_url: str = Field(default=KMA_URL, pattern=WEB_ADDRESS, description="Address of KMA's service.")
    weather_open_meteo_key: SecretStr | None = Field(default=None, description="A customer's key; unset: open service.")
    weather_open_meteo_url: str = Field(
        default=OPEN_METEO_URL, pattern=WEB_ADDRESS, description="Address of Open-Meteo."
    )


def sources_of(settings: Settings, place: Place, replay: Replay | None) -> tuple[WeatherSource, ...]:
    """Return the sources that are asked for a place's weather; a clear sky is the last resort and never asked."""
    timeout_s = settings.weather_timeout_s
    made: list[WeatherSource] = []
    for name in settings.weather_sources:
        if name is SourceName.OPEN_METEO:
            url, key = settings.weather_open_meteo_url, settings.weather_open_meteo_key
            made.append(OpenMeteo(place=place, key=key, url=url, timeout_s=timeout_s))
        elif name is SourceName.CSV:
            if replay is None:
                raise _missing("FORECAST_WEATHER_CSV", name)
            made.append(replay)
        elif name is not SourceName.CLEAR_SKY:
            if settings.weather_kma_key is None:
                raise _missing("FORECAST_WEATHER_KMA_KEY", name)
            product = ULTRA_SHORT_TERM if name is SourceName.KMA_ULTRA_SHORT else SHORT_TERM
            url, key = settings.weather_kma_url, settings.weather_kma_key
            made.append(Kma(product=product, place=place, key=key, url=url, timeout_s=timeout_s))
    return tuple(made)


def _missing(setting: str, source: SourceName) -> BadInput:
    rule = f"must be set for {source.value} in FORECAST_WEATHER_SOURCES"
    return BadInput(where="environment", field=setting, rule=rule, value="")


def watch_of(settings: Settings, context: Context) -> Watch:
    """Return what looks after the weather of all complexes.

    Raises:
        BadInput: A source lacks its key or file, or asks for the world's time where the clock is simulated.
    """
    live = sorted(LIVE_SOURCES & {*settings.weather_sources})
    if live and context.clock.is_simulated:
        rule = "must be csv or clear_sky where SANDAN_CLOCK_FILE is set"
        raise BadInput(where="environment", field="FORECAST_WEATHER_SOURCES", rule=rule, value=", ".join(live))
    replay = None if settings.weather_csv is None else read_replay(settings.weather_csv)
    places: Mapping[str, Place] = {name: place_of(one) for name, one in context.complexes.items()}
    return Watch(
        sources={name: sources_of(settings, place, replay) for name, place in places.items()},
        last_resort={name: ClearSkySource(place) for name, place in places.items()},
        clock=context.clock,
        engine=context.engine,
        every=timedelta(minutes=settings.weather_every_minutes),
    )


def told(service: Service, metrics: Metrics) -> Service:
    """Return the service with a tick that shows how good its forecasts were."""
    tick = service.tick

    def telling(now: datetime, db: Connection) -> Sequence[Event]:
        events = () if tick is None else tick(now, db)
        for event in events:
            if isinstance(event, AccuracyMeasured):
                show_accuracy(event, metrics)
        return events

    return replace(service, tick=telling)


def show_accuracy(event: AccuracyMeasured, metrics: Metrics) -> None:
    """Set the gauges of one kind of forecasts; the sum of all sites is called `all`."""
    for site in event.sites:
        labels = {"complex_id": event.complex_id, "kind": event.kind.value, "site_id": site.site_id or "all"}
        metrics.show(FORECAST_DRIFTING, float(site.is_drifting), **labels)
        for lead in site.leads:
            figures = (
                (FORECAST_NMAE, lead.nmae),
                (FORECAST_COVERAGE, lead.coverage),
                (FORECAST_SKILL, lead.skill_rmse),
            )
            for name, figure in figures:
                if figure is not None:
                    metrics.show(name, figure, lead_hours=lead.lead_hours, **labels)


def main() -> None:
    """Run the service until it is told to stop, with learning and the watch of the weather beside its loop."""
    settings = load(Settings)
    context = open_context("forecast")
    watch = watch_of(settings, context)
    stop = stop_on_signals()
    history_file = settings.history_file
    if history_file is not None:
        patiently(lambda: take_history_in(context.engine, context.complexes, history_file), stop)
    learners = [Learner(one) for one in context.complexes.values()]
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="beside") as threads:
        beside = [threads.submit(watch.run, stop), threads.submit(learn, learners, context.engine, stop)]
        for one in beside:
            # Without the one the other is of no use: the launcher starts all again.
            one.add_done_callback(lambda _: stop.set())
        try:
            serve(told(handlers.service(context.complexes), context.metrics), context, stop)
        finally:
            stop.set()
        for one in beside:
            one.result()


def learn(learners: Sequence[Learner], engine: Engine, stop: threading.Event) -> None:
    """Learn whatever is due until told to stop; a database that is away is waited for."""
    if not boosting.is_here():
        logger.warning("no models are learned: libgomp.so.1 is missing (apt-get install libgomp1)")
        stop.wait()
    while not stop.wait(LOOK_EVERY_S):
        for learner in learners:
            try:
                learner.learn_if_due(engine)
            except PASSING_FAULTS as fault:
                logger.warning("learning waits for the database", extra={"reason": str(fault)})


if __name__ == "__main__":
    run(main)

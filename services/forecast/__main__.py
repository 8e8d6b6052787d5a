"""The forecast service's process."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import Engine

from services.forecast import handlers
from services.forecast.handlers.learning import Learner
from shared.history import import_history
from shared.process import open_context, run, serve, stop_on_signals
from shared.runloop import PASSING_FAULTS
from shared.settings import load

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class Settings(BaseSettings):
    """Environment of the forecast service; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="FORECAST_", frozen=True)

    history_file: Path | None = Field(
        default=None, description="A meter archive (CSV), taken in once, before anything was metered."
    )


def main() -> None:
    """Run the service until it is told to stop, with learning in a thread beside it."""
    settings = load(Settings)
    context = open_context("forecast")
    if settings.history_file is not None:
        with context.engine.begin() as db:
            taken = import_history(db, context.complexes, settings.history_file)
        logger.info("history taken in", extra={"file": str(settings.history_file), "readings": taken})
    stop = stop_on_signals()
    learners = [Learner(one) for one in context.complexes.values()]
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="learning") as threads:
        learning = threads.submit(_learn, learners, context.engine, stop)
        learning.add_done_callback(lambda _: stop.set())
        try:
            serve(handlers.service(context.complexes), context, stop)
        finally:
            stop.set()
        learning.result()


def _learn(learners: Sequence[Learner], engine: Engine, stop: threading.Event) -> None:
    """Learn whatever is due until told to stop; a database that is away is waited for."""
    while not stop.wait(LOOK_EVERY_S):
        for learner in learners:
            try:
                learner.learn_if_due(engine)
            except PASSING_FAULTS as fault:
                logger.warning("learning waits for the database", extra={"reason": str(fault)})


if __name__ == "__main__":
    run(main)

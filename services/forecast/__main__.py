"""The forecast service's process."""

import logging
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.forecast import handlers
from shared.history import import_history
from shared.process import open_context, run, serve, stop_on_signals
from shared.settings import load

logger = logging.getLogger(__name__)


class Settings(BaseSettings):
    """Environment of the forecast service; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="FORECAST_", frozen=True)

    history_file: Path | None = Field(
        default=None, description="A meter archive (CSV), taken in once, before anything was metered."
    )


def main() -> None:
    """Run the service until it is told to stop."""
    settings = load(Settings)
    context = open_context("forecast")
    if settings.history_file is not None:
        with context.engine.begin() as db:
            taken = import_history(db, context.complexes, settings.history_file)
        logger.info("history taken in", extra={"file": str(settings.history_file), "readings": taken})
    serve(handlers.service(context.complexes), context, stop_on_signals())


if __name__ == "__main__":
    run(main)

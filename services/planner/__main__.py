"""The planner's process."""

import logging
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.planner import handlers
from services.planner.handlers.cluster import ADDRESS_PATTERN, Cluster
from shared.metering.history import take_history_in
from shared.runtime.entry import run
from shared.runtime.service_main import open_context, patiently, serve, stop_on_signals
from shared.settings import load

logger = logging.getLogger(__name__)


class Settings(BaseSettings):
    """Environment of the planner; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="PLANNER_", frozen=True)

    history_file: Path | None = Field(
        default=None, description="A meter archive (CSV or Parquet), taken in once, before anything was metered."
    )
    dask_scheduler: str | None = Field(
        default=None,
        pattern=ADDRESS_PATTERN,
        description="An outside Dask scheduler, tcp://host:port; unset: a worker thread of this process.",
    )


def main() -> None:
    """Run the service until it is told to stop."""
    settings = load(Settings)
    context = open_context("planner")
    stop = stop_on_signals()
    history_file = settings.history_file
    if history_file is not None:
        patiently(lambda: take_history_in(context.engine, context.complexes, history_file), stop)
    cluster = Cluster(settings.dask_scheduler)
    try:
        serve(handlers.service(context.complexes, cluster), context, stop)
    finally:
        cluster.close()


if __name__ == "__main__":
    run(main)

"""Run the market."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.market import handlers
from shared.runtime.entry import run
from shared.runtime.service_main import open_context, serve, stop_on_signals
from shared.settings import load


class Settings(BaseSettings):
    """Environment of the market service; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="MARKET_", frozen=True)

    seal_alarm_s: int = Field(
        default=300, ge=1, description="Seconds after gate closure at which a missing seal raises an alarm."
    )
    block_time_limit_s: float = Field(
        default=8.0,
        gt=0,
        le=600,
        description="Seconds that the choice of day-ahead blocks may take, by the wall clock.",
    )


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = load(Settings)
    context = open_context("market")
    market = handlers.service(
        context.complexes,
        seal_alarm=timedelta(seconds=settings.seal_alarm_s),
        block_time_limit_s=settings.block_time_limit_s,
    )
    serve(market, context, stop_on_signals())


if __name__ == "__main__":
    run(main)

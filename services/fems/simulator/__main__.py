"""The process of the simulated devices: `python -m services.fems.simulator`."""

import asyncio
import logging
import signal
from pathlib import Path

from pydantic import Field as Setting
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.fems.domain.simulated.field import Field
from services.fems.simulator.conditions import ConditionBook
from services.fems.simulator.faults import FaultBook
from services.fems.simulator.load_sources import sources_of
from services.fems.simulator.memory import FieldMemory
from services.fems.simulator.server import ComplexServer
from shared.clock import clock_from, touch
from shared.complex.complexes import load_complexes
from shared.runtime.entry import run
from shared.runtime.logs import log_as_json
from shared.settings import DeploymentSettings, load, made_folder

logger = logging.getLogger(__name__)

HEARTBEAT_S = 1.0


class Settings(BaseSettings):
    """Environment of the simulated devices; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="FEMS_SIMULATOR_", frozen=True, extra="ignore")

    host: str | None = Setting(default=None, description="Address to listen on; unset: the complex file's.")
    field_dir: Path | None = Setting(
        default=None, validation_alias="FEMS_FIELD_DIR", description="The batteries' memory; unset: beside run_dir."
    )


async def serve(servers: list[ComplexServer], host: str | None, heartbeat_file: Path, stop: asyncio.Event) -> None:
    """Let the devices answer until `stop` is set."""
    try:
        for server in servers:
            await server.start(host)
        while not stop.is_set():
            touch(heartbeat_file)
            try:
                await asyncio.wait_for(stop.wait(), HEARTBEAT_S)
            except TimeoutError:
                continue
    finally:
        for server in servers:
            await server.stop()


async def _until_signalled(servers: list[ComplexServer], host: str | None, heartbeat_file: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(servers, host, heartbeat_file, stop)


def main() -> None:
    """Read the settings, restore the batteries, and answer."""
    deployment = load(DeploymentSettings)
    settings = load(Settings)
    log_as_json(deployment.log_level)
    logging.getLogger("pymodbus").setLevel(logging.WARNING)
    clock = clock_from(deployment.clock_file)
    complexes = load_complexes(deployment.complexes)
    made_folder(deployment.run_dir, setting="SANDAN_RUN_DIR")
    field_dir = made_folder(settings.field_dir or deployment.run_dir.parent / "field", setting="FEMS_FIELD_DIR")
    servers = [
        ComplexServer(
            one,
            Field(one, sources_of(one), ConditionBook(field_dir, one.complex_id).conditions),
            FieldMemory(field_dir, one.complex_id),
            clock,
            FaultBook(field_dir, one.complex_id),
        )
        for one in complexes.values()
    ]
    asyncio.run(_until_signalled(servers, settings.host, deployment.run_dir / "fems_simulator.alive"))


if __name__ == "__main__":
    run(main)

"""The gateway's process: `python -m services.fems`."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from pydantic import Field as Setting
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.fems import handlers
from services.fems.gateway.gateway import Gateway, ReadingRules
from shared.runtime.entry import run
from shared.runtime.service_main import open_context, serve, stop_on_signals
from shared.settings import load, made_folder


class Settings(BaseSettings):
    """Environment of the gateway; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="FEMS_GATEWAY_", frozen=True, extra="ignore")

    archive_dir: Path | None = Setting(
        default=None, description="Folder in which each Korean day is kept as Parquet files; unset: none."
    )
    archive_keep_days: int = Setting(default=3_660, ge=8, description="Days for which the archive's files are kept.")
    estimate_after_h: int = Setting(
        default=24, ge=1, description="Hours that a meter may be silent before its intervals are estimated."
    )
    keep_days: int = Setting(
        default=400, ge=8, description="Days for which published readings are kept, and may be corrected."
    )
    minutes_keep_days: int = Setting(default=2, ge=1, description="Days for which the database keeps minutes.")
    mqtt_url: str | None = Setting(
        default=None,
        pattern=r"^mqtts?://(?:[^@/\s]+@)?(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$",
        description="MQTT broker that factories publish readings to; unset: none.",
    )
    upload_dir: Path | None = Setting(
        default=None, description="Folder in which past meter data is handed in; unset: none."
    )


def main() -> None:
    """Run the devices' side in a thread beside the bus's; the end of either is the end of both."""
    settings = load(Settings)
    context = open_context("fems")
    # A device's silence is said once, by the gateway itself.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    stop = stop_on_signals()
    upload_dir = settings.upload_dir
    if upload_dir is not None:
        made_folder(upload_dir, setting="FEMS_GATEWAY_UPLOAD_DIR")
    if settings.archive_dir is not None:
        made_folder(settings.archive_dir, setting="FEMS_GATEWAY_ARCHIVE_DIR")
    rules = ReadingRules(
        estimate_after=timedelta(hours=settings.estimate_after_h),
        keep=timedelta(days=settings.keep_days),
        upload_dir=upload_dir,
        mqtt_url=settings.mqtt_url,
        archive_dir=settings.archive_dir,
        archive_keep=timedelta(days=settings.archive_keep_days),
        minutes_keep=timedelta(days=settings.minutes_keep_days),
    )
    gateway = Gateway(context.complexes, context.clock, context.engine, rules)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway") as threads:
        devices = threads.submit(lambda: asyncio.run(gateway.run(stop)))
        devices.add_done_callback(lambda _: stop.set())
        try:
            serve(handlers.service(context.complexes), context, stop)
        finally:
            stop.set()
        devices.result()


if __name__ == "__main__":
    run(main)

"""What a deployment needs on disk before its processes start: complex file, meter history, API keys, clock."""

import csv
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from shared.complex.field_network import UNIT_ID_MAX
from shared.complex.model import Complex, load_complex
from shared.intervals import INTERVAL, interval_of
from shared.metering.history import COLUMNS, PARQUET_SUFFIXES

if TYPE_CHECKING:
    from services.fems.simulator.history import SimulatedHistory

HISTORY = timedelta(days=28)


def write_demo_complex(
    path: Path, *, factories: int, host: str, port_of: Callable[[int], int], poll_interval_s: int
) -> Complex:
    """Write the demo's complex with as many factories as wanted and its devices in reach, and return it.

    Args:
        path: Of the complex file.
        factories: How many.
        host: Where the devices answer.
        port_of: Gives the ports of it, called with 0, 1, ...: behind each are as many devices as have room.
        poll_interval_s: How often they are polled.
    """
    from cli.demo_complex import demo_complex

    content = demo_complex(factories)
    network = {"host": host, "port": port_of(0), "poll_interval_s": poll_interval_s}
    content["field_network"] = network
    devices = [*(one for factory in content["participants"] for one in _devices(factory)), *_feeder_meters(content)]
    ports = [network["port"], *(port_of(n) for n in range(1, -(-len(devices) // UNIT_ID_MAX)))]
    network["devices"] = {
        device_id: {"port": ports[number // UNIT_ID_MAX], "unit_id": number % UNIT_ID_MAX + 1}
        for number, device_id in enumerate(devices)
        if number >= UNIT_ID_MAX
    }
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(content, Dumper=dumper, allow_unicode=True, sort_keys=False, width=10_000)
    path.write_text(text, encoding="utf-8")
    return load_complex(path)


def write_history(path: Path, complexes: Iterable[Complex], *, until: datetime) -> None:
    """Write what the simulated meters would have shown in the four weeks before an instant, batteries idle."""
    from services.fems.simulator.history import history

    first, last = interval_of(until - HISTORY), interval_of(until)
    made = [(complex_, history(complex_, first, (last - first) // INTERVAL)) for complex_ in complexes]
    write_archive(path, made, is_parquet=is_parquet(path))


def is_parquet(path: Path) -> bool:
    """Say whether a file is Parquet by its name."""
    return path.suffix.lower() in PARQUET_SUFFIXES


def write_archive(path: Path, made: "Iterable[tuple[Complex, SimulatedHistory]]", *, is_parquet: bool) -> None:
    """Write complexes' meters as a meter archive, Parquet or CSV."""
    if is_parquet:
        from shared.metering.parquet_archive import write_parquet

        write_parquet(path, ((complex_, one.first_start, one.meters) for complex_, one in made))
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for complex_, one in made:
            for device in complex_.devices:
                who = (complex_.complex_id, device.device_id, device.participant_id, device.kind.value)
                imports_wh, exports_wh = one.meters[device.device_id]
                starts = ((one.first_start + n * INTERVAL).isoformat() for n in range(len(imports_wh)))
                writer.writerows((*who, *row) for row in zip(starts, imports_wh, exports_wh, strict=True))


def write_keys(path: Path, complexes: Iterable[Complex]) -> None:
    """Make a deployment's API keys, once: an operator and a planner a complex, and one a factory."""
    if path.exists():
        return
    keys = []
    for complex_ in complexes:
        people: list[tuple[str, str | None, str]] = [("operator", None, "operator"), ("planner", None, "planner")]
        people += [("factory", one.participant_id, one.name.en) for one in complex_.participants]
        keys += [
            {
                "key": secrets.token_urlsafe(32),
                "role": role,
                "complex_id": complex_.complex_id,
                "participant_id": participant_id,
                "name": name,
            }
            for role, participant_id, name in people
        ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(keys, file, indent=1)


def key_of(path: Path, *, role: str, complex_id: str, participant_id: str | None = None) -> str:
    """Return the key that was made for a role of a complex."""
    for key in json.loads(path.read_text()):
        if (key["role"], key["complex_id"], key["participant_id"]) == (role, complex_id, participant_id):
            return str(key["key"])
    raise LookupError(f"{path} has no {role} key of {complex_id}")


def _devices(factory: Mapping[str, Any]) -> list[str]:
    """Return the ids of a factory's devices, in the order in which the complex numbers them."""
    plants = [one["site_id"] for one in factory.get("pv", [])] + [one["device_id"] for one in factory.get("ess", [])]
    return [f"{factory['participant_id']}.grid", *plants]


def _feeder_meters(content: Mapping[str, Any]) -> list[str]:
    return [feeder["meter"]["meter_id"] for feeder in content["feeders"] if "meter" in feeder]

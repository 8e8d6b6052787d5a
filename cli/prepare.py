"""What a deployment needs on disk before its processes start: complex file, meter history, API keys, clock."""

import csv
import json
import os
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from shared.complexes import Complex, load_complex
from shared.history import COLUMNS
from shared.intervals import INTERVAL, interval_of
from shared.paths import DEMO_COMPLEX

HISTORY = timedelta(days=28)


def write_demo_complex(path: Path, *, factories: int, host: str, port: int, poll_interval_s: int) -> Complex:
    """Write the demo's complex with as many factories as wanted and its devices at an address, and return it.

    Beyond the demo's own twelve the factories repeat, with a number behind their names.
    """
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    templates = content["participants"]
    content["participants"] = [
        _factory(templates[n % len(templates)], copy=n // len(templates)) for n in range(factories)
    ]
    content["field_network"] = {"host": host, "port": port, "poll_interval_s": poll_interval_s}
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_complex(path)


def write_history(path: Path, complexes: Iterable[Complex], *, until: datetime) -> None:
    """Write what the simulated meters would have shown in the four weeks before an instant, batteries idle."""
    from services.fems.simulator.history import history

    first, last = interval_of(until - HISTORY), interval_of(until)
    starts = [(first + n * INTERVAL).isoformat() for n in range((last - first) // INTERVAL)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for complex_ in complexes:
            meters = history(complex_, first, len(starts)).meters
            for device in complex_.devices:
                import_wh, export_wh = meters[device.device_id]
                who = (complex_.complex_id, device.device_id, device.participant_id, device.kind.value)
                writer.writerows((*who, *row) for row in zip(starts, import_wh, export_wh, strict=True))


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


def _factory(template: dict[str, Any], *, copy: int) -> dict[str, Any]:
    if copy == 0:
        return template
    made: dict[str, Any] = json.loads(json.dumps(template))
    made["participant_id"] += f"-{copy + 1}"
    made["name"] = {language: f"{name} {copy + 1}" for language, name in made["name"].items()}
    for plant in (*made.get("pv", []), *made.get("ess", [])):
        for name in ("site_id", "device_id"):
            if name in plant:
                plant[name] += f"-{copy + 1}"
    return made

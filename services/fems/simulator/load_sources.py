"""Read what simulated loads are made of: the measured profiles and the made-up plants that come with the project."""

import csv
import math
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from services.fems.domain.simulated.field import LoadSources
from services.fems.domain.simulated.load import LoadProfile
from services.fems.domain.simulated.plants.archetypes import PlantFile
from shared.complex.model import Complex
from shared.errors import BadInput, did_you_mean
from shared.intervals import INTERVAL, INTERVALS_PER_WEEK
from shared.paths import INFRA
from shared.reference.load import holidays, read_reference

PROFILES = INFRA / "profiles"


def sources_of(complex_: Complex) -> LoadSources:
    """Read the profiles and plants that a complex's factories name.

    Raises:
        BadInput: A factory names a profile or plant that does not exist, or a file breaks a rule.
    """
    loads = [one.load for one in complex_.participants]
    profiles = sorted(path.stem for path in PROFILES.glob("*.csv"))
    plants = read_plants().plants
    _require_known(complex_, "profile", [load.profile for load in loads], profiles)
    _require_known(complex_, "plant", [load.plant for load in loads], sorted(plants))
    calendar = holidays()
    return LoadSources(
        profiles={name: read_profile(PROFILES / f"{name}.csv") for name in {load.profile for load in loads} if name},
        plants=plants,
        rest_days=calendar.billed | calendar.temporary,
    )


@cache
def read_plants() -> PlantFile:
    """Read the made-up plants that come with the project."""
    return read_reference(INFRA / "plants" / "demo.yaml", PlantFile)


def _require_known(complex_: Complex, field: str, names: Sequence[str | None], known: Sequence[str]) -> None:
    for position, name in enumerate(names):
        if name is not None and name not in known:
            raise BadInput(
                where=f"complex {complex_.complex_id}",
                field=f"$.participants[{position}].load.{field}",
                rule=f"must be one of {[*known]}",
                value=name,
                hint=did_you_mean(name, known),
            )


def read_profile(path: Path) -> LoadProfile:
    """Read a profile: `start_utc,energy_kwh`, a row an interval of 15 minutes, without gaps, at least a week.

    Raises:
        BadInput: It is something else.
    """
    starts: list[datetime] = []
    energies: list[float] = []
    with path.open(newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            start, energy_kwh = _row(row, where=f"{path} row {number}")
            if starts and start != starts[-1] + INTERVAL:
                rule = "must follow the row before by 15 minutes"
                raise BadInput(where=f"{path} row {number}", field="start_utc", rule=rule, value=start.isoformat())
            starts.append(start)
            energies.append(energy_kwh)
    if len(energies) < INTERVALS_PER_WEEK or sum(energies) == 0:
        rule = f"must have at least {INTERVALS_PER_WEEK} rows and some energy"
        raise BadInput(where=str(path), field="profile", rule=rule, value=f"{len(energies)} rows")
    return LoadProfile(first_start=starts[0], energy_kwh=tuple(energies))


def _row(row: dict[str, str], *, where: str) -> tuple[datetime, float]:
    try:
        start = datetime.fromisoformat(row["start_utc"])
    except (KeyError, TypeError, ValueError):
        start = datetime.min  # noqa: DTZ901 -- naive on purpose: refused by the next rule
    if start.tzinfo is None:
        rule = "must be ISO 8601 with offset"
        raise BadInput(where=where, field="start_utc", rule=rule, value=row.get("start_utc"))
    text = row.get("energy_kwh") or ""
    energy_kwh = float(text) if re.fullmatch(r"[0-9.eE+-]+", text) else math.nan
    if not 0 <= energy_kwh < math.inf:
        raise BadInput(where=where, field="energy_kwh", rule="must be a number >= 0 kWh", value=text)
    return start, energy_kwh

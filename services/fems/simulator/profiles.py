"""Read the measured load profiles that come with the project."""

import csv
import math
import re
from datetime import datetime
from pathlib import Path

from services.fems.domain.simulated.load import LoadProfile
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.intervals import INTERVAL, INTERVALS_PER_WEEK
from shared.paths import INFRA

PROFILES = INFRA / "profiles"


def profiles_of(complex_: Complex) -> dict[str, LoadProfile]:
    """Read every profile that a complex's factories name.

    Raises:
        BadInput: A factory names a profile that does not exist, or a profile's file breaks a rule.
    """
    found: dict[str, LoadProfile] = {}
    for position, participant in enumerate(complex_.participants):
        name = participant.load.profile
        if name not in found:
            known = sorted(path.stem for path in PROFILES.glob("*.csv"))
            if name not in known:
                raise BadInput(
                    where=f"complex {complex_.complex_id}",
                    field=f"$.participants[{position}].load.profile",
                    rule=f"must be one of {known}",
                    value=name,
                )
            found[name] = read_profile(PROFILES / f"{name}.csv")
    return found


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

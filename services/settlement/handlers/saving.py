"""What batteries hold more, or less, at the end of a day: the part of a saving that no payment shows."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy.engine import Connection

from optimizers.tariff.savings import SettledEnergy, StoredEnergy, round_trips_ppm, shifts_of
from services.settlement.store.savings import load_settled_energy, load_stored_energy
from shared.complex.model import Complex
from shared.intervals import trading_day_of


def stored_values_krw(
    complex_: Complex, first: datetime, end: datetime, participant_ids: Collection[str], db: Connection
) -> dict[str, int]:
    """Return it by participant, for those with batteries: summed over the Korean days in [first, end)."""
    owners = [one for one in participant_ids if one in complex_.by_participant and complex_.by_participant[one].ess]
    if not owners:
        return {}
    settled: defaultdict[date, list[SettledEnergy]] = defaultdict(list)
    for line in load_settled_energy(db, complex_.complex_id, first, end, owners):
        settled[trading_day_of(line.delivery_start)].append(line)
    stored: defaultdict[date, list[StoredEnergy]] = defaultdict(list)
    for flow in load_stored_energy(db, complex_.complex_id, first, end, owners):
        stored[trading_day_of(flow.delivery_start)].append(flow)
    sums_krw: defaultdict[str, int] = defaultdict(int)
    for day, lines in settled.items():
        for participant_id, shift in shifts_of(lines, stored[day], round_trips_ppm(complex_)).items():
            sums_krw[participant_id] += shift.stored_value_krw
    return dict(sums_krw)

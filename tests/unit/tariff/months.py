"""Months of meter readings for tests."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from optimizers.tariff.bills import Bill, month_bill
from optimizers.tariff.contract import Contract
from optimizers.tariff.meter import MeterReadings, month_starts
from shared.reference.load import tariff_book

KST = ZoneInfo("Asia/Seoul")


def eul(
    *,
    contract_kw: int = 300,
    past_peaks_kw: Mapping[str, Decimal | int] | None = None,
    power_factor: bool = False,
    excess_noticed: bool | None = None,
) -> Contract:
    """A class B contract at high voltage A, option II: 8,320 KRW per kW; in July 2026 116.0, 163.8, 229.0 per kWh."""
    return Contract(
        tariff_class="industrial_eul",
        voltage="HV_A",
        option="II",
        contract_kw=contract_kw,
        past_peaks_kw=past_peaks_kw or {},
        power_factor=power_factor,
        excess_noticed=excess_noticed,
    )


def bill(readings: MeterReadings, month: str, contract: Contract | None = None) -> Bill:
    """Bill a month by the Korean tariff."""
    return month_bill(tariff_book(), contract or eul(), readings, month)


def codes(found: Bill) -> set[str]:
    """Return the codes of a bill's notes."""
    return {note.code for note in found.notes}


def epoch(local: str) -> int:
    """Seconds since 1970 of a Korean local time."""
    return int(datetime.fromisoformat(local).replace(tzinfo=KST).timestamp())


def a_month(
    month: str,
    energy_wh: int = 0,
    *,
    at: Mapping[str, int] | None = None,
    missing: tuple[str, ...] = (),
    lag_varh: int | None = None,
    lead_varh: int | None = None,
) -> MeterReadings:
    """A month with the same energy in every quarter hour, but `at` some Korean local times, and some `missing`."""
    starts = month_starts(tariff_book(), month)
    energy = np.full(starts.size, energy_wh, dtype=np.int64)
    for local, other_wh in (at or {}).items():
        energy[np.searchsorted(starts, epoch(local))] = other_wh
    kept = ~np.isin(starts, [epoch(local) for local in missing])
    return MeterReadings(
        starts=starts[kept],
        energy_wh=energy[kept],
        lag_varh=None if lag_varh is None else np.full(kept.sum(), lag_varh, dtype=np.int64),
        lead_varh=None if lead_varh is None else np.full(kept.sum(), lead_varh, dtype=np.int64),
    )

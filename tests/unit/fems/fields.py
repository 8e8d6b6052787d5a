"""A small field to calculate with: builders that supply what a test does not care about."""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.battery import SimulatedBattery
from services.fems.domain.simulated.field import Field, LoadSources, interval_energies
from services.fems.domain.simulated.load import LoadProfile
from services.fems.domain.simulated.power_profile import UJ_PER_WH
from shared.arrays import Integers
from shared.complex.model import Complex
from shared.intervals import INTERVALS_PER_WEEK

# Monday 1 January 2018, 00:00 in Korea.
PROFILE_START = datetime(2017, 12, 31, 15, tzinfo=UTC)
# 10:00 in Korea on Wednesday 7 January 2026: soon after the counters' beginning, so that they are quickly summed.
NOW = datetime(2026, 1, 7, 1, tzinfo=UTC)
NOW_NUMBER = number_of(NOW)


def a_battery(**changes: int) -> SimulatedBattery:
    """Return 100 kWh at 50 kW, 80 % in, 50 % out, its band 10 to 90 kWh, half full, at its set-point at once."""
    facts = {
        "capacity_wh": 100_000,
        "charge_w_max": 50_000,
        "discharge_w_max": 50_000,
        "ramp_w_per_s": 1_000_000,
        "charge_efficiency_ppm": 800_000,
        "discharge_efficiency_ppm": 500_000,
        "stored_uj_min": 10_000 * UJ_PER_WH,
        "stored_uj_max": 90_000 * UJ_PER_WH,
        "stored_uj_initial": 50_000 * UJ_PER_WH,
    }
    return SimulatedBattery(device_id="b", **(facts | changes))


def a_profile(weeks: int = 2) -> LoadProfile:
    """Return weeks whose n-th interval takes n kWh (counted from 1), so that every interval can be told apart."""
    return LoadProfile(PROFILE_START, tuple(float(n) for n in range(1, weeks * INTERVALS_PER_WEEK + 1)))


def a_complex(port: int = 15_599, *, other_ess: bool = False, **network: object) -> Complex:
    """Return two factories: one with sun and a battery, one that only buys, if not through its `other_ess`.

    `network` is more of the field network.
    """
    ess = {
        "device_id": "ess",
        "capacity_kwh": 1000,
        "charge_kw_max": 250,
        "discharge_kw_max": 250,
        "charge_efficiency": 0.96,
        "discharge_efficiency": 0.96,
        "soc_min": 0.1,
        "soc_max": 0.9,
        "soc_initial": 0.4,
    }
    common = {
        "feeder_id": "F1",
        "contract": {"tariff_class": "industrial_eul", "voltage": "HV_A", "option": "II", "contract_kw": 1000},
        "bidding": {"mode": "manual"},
    }
    load = {"profile": "gwangyang-2018", "mean_kw": 140}
    roof = {"site_id": "roof", "capacity_kw_ac": 1000, "capacity_kw_dc": 1150}
    behind = {"load": load, "pv": [roof], "ess": [ess]}
    sunny = {"participant_id": "sunny", "name": {"ko": "햇빛", "en": "Sunny"}, **behind, **common}
    batteries = [{**ess, "device_id": "other-ess"}] if other_ess else []
    plain = {"participant_id": "plain", "name": {"ko": "공장", "en": "Plain"}, "load": load, "ess": batteries, **common}
    return Complex.model_validate(
        {
            "complex_id": "small",
            "name": {"ko": "작은", "en": "Small"},
            "note": {"ko": "", "en": ""},
            "location": {"latitude": 35.2, "longitude": 128.65},
            "sell_back": "smp_assumed",
            "field_network": {"port": port, **network},
            "feeders": [{"feeder_id": "F1"}],
            "participants": [sunny, plain],
        }
    )


def a_field(complex_: Complex | None = None) -> Field:
    """Return the small complex's physics on the two-week profile."""
    return Field(complex_ or a_complex(), LoadSources(profiles={"gwangyang-2018": a_profile()}))


def idle_meters(field: Field, first: int, count: int) -> Mapping[str, tuple[Integers, Integers]]:
    """Return import and export by meter for `count` intervals from number `first` on, with the batteries idle."""
    return interval_energies(field, field.energies(first, count), count)

"""Devices as they were last heard, and which of what they showed still counts as of now."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text, kw_text
from shared.complex.model import Complex
from shared.complex.ratings import ratings_of
from shared.units import kwh_text

# A device is asked once an interval of polling; of so many in a row one may be late or lost.
POLLS_MISSED_MAX: Final = 3
# What the way from the device to here takes at most, by the wall's clock.
WAY_MAX: Final = timedelta(seconds=10)
IMPOSSIBLE: Final = "spike"


class DeviceView(TypedDict):
    """A device as it was last heard, at `heard_at` (null: never); `observed_at` is when it was last asked.

    Its figures count as of now only where it is not `stale` and has no `flags`: else leave them out of sums.
    """

    device_id: str
    participant_id: str
    meter_kind: str
    observed_at: str
    heard_at: str | None
    import_kw: str
    export_kw: str
    soc_kwh: str | None
    capacity_kwh: str | None
    soh_percent: float | None
    reachable: bool
    stale: bool
    flags: list[str]


ShowDevice = Callable[[Row], DeviceView]


def stale_after(complex_: Complex, speed: float) -> timedelta:
    """Return how old a device's word may be; on a faster clock the way takes so much longer."""
    return max(POLLS_MISSED_MAX * timedelta(seconds=complex_.field_network.poll_interval_s), WAY_MAX * speed)


def devices_shown(complex_: Complex, *, now: datetime, speed: float) -> ShowDevice:
    """Return how a complex's devices are shown at an instant.

    The one place that says what of a device counts as now: nothing where it is `stale` (it does not answer, or was last
    heard too long ago) or has `flags` (the gateway found it odd, or it shows more than its rating allows).
    """
    ratings, heard_since = ratings_of(complex_), now - stale_after(complex_, speed)

    def shown(row: Row) -> DeviceView:
        rating, heard_at = ratings.get(row["device_id"]), row["heard_at"]
        possible = rating is None or rating.allows(
            import_w=row["import_w"], export_w=row["export_w"], soc_wh=row["soc_wh"]
        )
        return {
            "device_id": row["device_id"],
            "participant_id": row["participant_id"],
            "meter_kind": row["meter_kind"],
            "observed_at": instant_text(row["observed_at"]),
            "heard_at": None if heard_at is None else instant_text(heard_at),
            "import_kw": kw_text(row["import_w"]),
            "export_kw": kw_text(row["export_w"]),
            "soc_kwh": None if row["soc_wh"] is None else kwh_text(row["soc_wh"]),
            "capacity_kwh": None if row["capacity_wh"] is None else kwh_text(row["capacity_wh"]),
            "soh_percent": None if row["soh_permille"] is None else row["soh_permille"] / 10,
            "reachable": row["reachable"],
            "stale": not row["reachable"] or heard_at is None or heard_at < heard_since,
            "flags": sorted({*row["flags"], *(() if possible else (IMPOSSIBLE,))}),
        }

    return shown

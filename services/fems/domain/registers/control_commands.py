"""What is written into SunSpec's own control models, 124 and 704, to make a converter run at a set-point for a while.

Both act at once, and both undo what was written when a revert time is over, which is the watchdog: it ends with the
set-point's interval, so that a converter that hears nothing more is idle then. 704 reverts to 0 W, 124 to no control.
"""

from collections.abc import Mapping

from services.fems.domain.registers.sunspec import require_scale
from services.fems.domain.setpoints import ConverterRating

STORAGE_MODEL, POWER_MODEL = 124, 704
ENABLED, WATTS = 1, 1
# Charge and discharge are both bound.
BOTH_BITS = 3
PERCENT = 100
SCALES = {STORAGE_MODEL: "InOutWRte_SF", POWER_MODEL: "WSet_SF"}


def control_points(
    model_id: int, setpoint_w: int, scale: int, plate: ConverterRating, *, revert_s: int
) -> Mapping[str, int]:
    """Return the points to write, within the ratings, rounded towards 0 where the model's steps are coarser than 1 W.

    Args:
        model_id: 124 or 704.
        setpoint_w: What is wanted; positive charges.
        scale: The model's power of ten for rates (124, in percent) or power (704, in W).
        plate: The converter's own ratings, of which 124 takes a percentage.
        revert_s: After how many seconds it is undone.

    Source:
        For 124, in which the definition leaves open what two rates at once mean: Fronius' operating instructions
        "Modbus TCP & RTU" (42,0410,2649), which bound a window by them, a negative rate moving an end beyond 0.
    """
    require_scale(scale, SCALES[model_id])
    power_w = max(-plate.discharge_w_max, min(plate.charge_w_max, setpoint_w))
    if model_id == POWER_MODEL:
        # What flows out is positive there.
        power = {"WSetEna": ENABLED, "WSetMod": WATTS, "WSet": _steps(-power_w, 1, scale)}
        return power | {"WSetRvrt": 0, "WSetEnaRvrt": ENABLED, "WSetRvrtTms": revert_s}
    rating_w = plate.charge_w_max if power_w > 0 else plate.discharge_w_max
    rate = _steps(power_w * PERCENT, max(rating_w, 1), scale)
    return {"StorCtl_Mod": BOTH_BITS, "InWRte": rate, "OutWRte": -rate, "InOutWRte_RvrtTms": revert_s}


def _steps(number: int, unit: int, scale: int) -> int:
    """Return how many steps of a unit's power of ten fit into a number, towards 0."""
    steps = abs(number) * int(10 ** max(-scale, 0)) // (unit * int(10 ** max(scale, 0)))
    return steps if number >= 0 else -steps

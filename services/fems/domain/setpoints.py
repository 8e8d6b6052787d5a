"""The gateway's own admission of set-points, whatever their sender promised."""

from dataclasses import dataclass
from datetime import datetime

from services.fems.domain.registers.vendor_models import CommitStatus
from shared.intervals import INTERVAL, is_delivery_start

# Ratings stand in registers of four and a half digits.
PLATE_ROUNDING = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoint:
    """A command as issued, with the bounds that its sender saw."""

    setpoint_id: str
    delivery_start: datetime
    expires_at: datetime
    issued_at: datetime
    setpoint_w: int
    charge_w_max: int
    discharge_w_max: int

    @property
    def valid_until(self) -> datetime:
        """Return the instant from which no converter takes it in any more: none takes a running interval."""
        return min(self.delivery_start, self.expires_at)

    @property
    def acts_until(self) -> datetime:
        """Return the instant from which one that the gateway holds for its interval must not be written any more."""
        return min(self.delivery_start + INTERVAL, self.expires_at)


@dataclass(frozen=True, slots=True)
class ConverterRating:
    """What a converter can do, as the complex file or its own plate says."""

    charge_w_max: int
    discharge_w_max: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a set-point is not obeyed: a stable code and the rule with its numbers."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class KnownSetpoints:
    """What the gateway has taken in for the same converter: this very id, and the newest for the same interval."""

    repeated: bool
    newest_issued_at: datetime | None


def admit(setpoint: Setpoint, rating: ConverterRating | None, known: KnownSetpoints) -> Refusal | None:
    """Return why a set-point must not be written, or None; its expiry is asked anew when it is written."""
    if rating is None:
        return Refusal("unknown_device", "must be the id of a battery in the complex file")
    if known.repeated:
        return Refusal("repeated", f"set-point {setpoint.setpoint_id} was taken in before")
    if not is_delivery_start(setpoint.delivery_start):
        started = setpoint.delivery_start.isoformat()
        return Refusal("out_of_bounds", f"delivery_start must be on a quarter hour, was {started}")
    charge_w_max = min(rating.charge_w_max, setpoint.charge_w_max)
    discharge_w_max = min(rating.discharge_w_max, setpoint.discharge_w_max)
    if not -discharge_w_max <= setpoint.setpoint_w <= charge_w_max:
        rule = f"setpoint_w must be in [{-discharge_w_max}, {charge_w_max}] W"
        return Refusal("out_of_bounds", f"{rule}, was {setpoint.setpoint_w}")
    if known.newest_issued_at is not None and setpoint.issued_at <= known.newest_issued_at:
        newest = known.newest_issued_at.isoformat()
        return Refusal("out_of_order", f"a set-point for this interval issued at {newest} was taken in before")
    return None


def expired(setpoint: Setpoint, *, now: datetime, held: bool = False) -> Refusal | None:
    """Return the refusal of a set-point that can no longer take effect, or None; one that is `held` came in time."""
    until = setpoint.acts_until if held else setpoint.valid_until
    if now < until:
        return None
    return Refusal("expired", f"must be written before {until.isoformat()}, it was {now.isoformat()}")


def beyond_plate(setpoint: Setpoint, plate: ConverterRating) -> Refusal | None:
    """Return the refusal of a set-point that the converter's own ratings do not allow, or None."""
    rating_w = plate.charge_w_max if setpoint.setpoint_w > 0 else plate.discharge_w_max
    if abs(setpoint.setpoint_w) <= rating_w * (1 + PLATE_ROUNDING):
        return None
    rule = f"setpoint_w must be in [{-plate.discharge_w_max}, {plate.charge_w_max}] W by the converter's own ratings"
    return Refusal("out_of_bounds", f"{rule}, was {setpoint.setpoint_w}")


REPLACED = Refusal("out_of_order", "a later set-point for the same interval was taken in before it was written")


def refused_by_device(status: int) -> Refusal:
    """Return the refusal that a converter's own answer to a commit amounts to."""
    reasons = {
        CommitStatus.LATE: "expired",
        CommitStatus.OUT_OF_BOUNDS: "out_of_bounds",
        CommitStatus.OUT_OF_ORDER: "out_of_order",
    }
    try:
        answer = CommitStatus(status)
    except ValueError:
        return Refusal("unconfirmed", f"the converter answered with the unknown status {status}")
    return Refusal(reasons.get(answer, "unconfirmed"), f"the converter answered {answer.name}")

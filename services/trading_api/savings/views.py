"""How a saving reads: the sum with its parts, and in both languages what it is compared with."""

from collections.abc import Iterable
from typing import cast

from typing_extensions import TypedDict

from optimizers.tariff.notes import Note
from optimizers.tariff.savings import BATTERY_SHIFT, SAVING, TRADING_GAIN, Saving
from services.trading_api.text import WhyView


class BatteryDayView(TypedDict):
    """A factory's batteries on one day.

    The costs are its energy at the grid's prices, without trades: as metered, and as if the batteries had stood idle.
    `battery_shift_krw` is their difference and `stored_value_krw`, what the change in what is stored is worth: below 0
    where `recharge_kwh` have to be charged until the batteries hold what they held. `basis` says so in words.
    `saving_krw` is the same figure under its old name. `stored_change_kwh` is what the batteries themselves said that
    they hold more at the day's end than at its beginning. `soc_off_plan_max` is the largest distance of a battery's
    charge from its plan, as a fraction of its capacity. To a planner, won are null.
    """

    participant_id: str
    cost_with_krw: int | None
    cost_without_krw: int | None
    recharge_kwh: str
    stored_value_krw: int | None
    battery_shift_krw: int | None
    saving_krw: int | None
    basis: WhyView
    stored_change_kwh: str
    soc_off_plan_max: float | None


def without_money(day: BatteryDayView) -> BatteryDayView:
    """Return a day as it is shown to whom a participant's money does not concern."""
    left = {name: None if name.endswith("_krw") else figure for name, figure in day.items()}
    return cast("BatteryDayView", left)


class SavingView(TypedDict):
    """What a Korean day saved so far: baseline less cost plus stored value (docs/savings.md).

    The battery shift and the trading gain make it up; `basis` says what it is compared with. `intervals` counts the
    settled intervals of all factories in it.
    """

    day: str
    intervals: int
    saving_krw: int
    baseline_krw: int
    cost_krw: int
    stored_value_krw: int
    battery_shift_krw: int
    trading_gain_krw: int
    basis: WhyView
    battery_shift_basis: WhyView
    trading_gain_basis: WhyView


def saving_view(day: str, parts: Iterable[Saving]) -> SavingView:
    """Show the sum of several savings."""
    savings = list(parts)
    total = Saving(
        intervals=sum(saving.intervals for saving in savings),
        baseline_krw=sum(saving.baseline_krw for saving in savings),
        cost_krw=sum(saving.cost_krw for saving in savings),
        stored_value_krw=sum(saving.stored_value_krw for saving in savings),
        shift_krw=sum(saving.shift_krw for saving in savings),
    )
    return {
        "day": day,
        "intervals": total.intervals,
        "saving_krw": total.saving_krw,
        "baseline_krw": total.baseline_krw,
        "cost_krw": total.cost_krw,
        "stored_value_krw": total.stored_value_krw,
        "battery_shift_krw": total.shift_krw,
        "trading_gain_krw": total.trading_gain_krw,
        "basis": basis_view(SAVING),
        "battery_shift_basis": basis_view(BATTERY_SHIFT),
        "trading_gain_basis": basis_view(TRADING_GAIN),
    }


def basis_view(note: Note) -> WhyView:
    """Show in both languages what a figure is compared with."""
    return {"ko": note.ko, "en": note.en}

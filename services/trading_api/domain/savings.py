"""How a saving reads: the sum with its parts, and in both languages what it is compared with."""

from collections.abc import Iterable

from typing_extensions import TypedDict

from optimizers.tariff import BATTERY_SHIFT, SAVING, TRADING_GAIN, Note, Saving
from services.trading_api.domain.shapes import WhyView


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
        intervals=sum(one.intervals for one in savings),
        baseline_krw=sum(one.baseline_krw for one in savings),
        cost_krw=sum(one.cost_krw for one in savings),
        stored_value_krw=sum(one.stored_value_krw for one in savings),
        shift_krw=sum(one.shift_krw for one in savings),
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

"""The kW that the base charge and the excess surcharge are billed on."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from optimizers.tariff.contract import Contract
from optimizers.tariff.meter import parse_month
from shared.reference.tariffs import DemandRule, ExcessRule, TariffBook

# A ratio such as 200.0 / 1000 must not fall below its tier by a rounding error in the last digit.
RATIO_DIGITS = Decimal("1e-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDemand:
    """The kW billed and what led there.

    `basis` is "peak" (this month), "ratchet" (a past month), "floor" (a share of contract power) or "contract".
    `unknown_months` would have counted but were not given; `ignored_months` were given but do not count.
    """

    billing_kw: Decimal
    basis: str
    unknown_months: tuple[str, ...] = ()
    ignored_months: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Demand above contract power and the multiple of the base price it costs (0 while it is only a notice)."""

    excess_kw: Decimal
    multiplier: Decimal
    notice_only: bool


def billed_on_contract(book: TariffBook, contract: Contract) -> bool:
    """Say whether the base charge is on contract power rather than on measured demand."""
    at_voltages = book.tariff.classes[contract.tariff_class].billed_on_contract_at
    return book.tariff.demand is None or contract.voltage in at_voltages


def billing_demand(book: TariffBook, contract: Contract, month: str, peak_kw: Decimal) -> BillingDemand:
    """Return the highest of this month's billable peak, the ratchet months' peaks and the floor.

    Args:
        book: The tariff.
        contract: With the past months' peaks, as far as known.
        month: The month billed, YYYY-MM.
        peak_kw: The month's highest quarter hour outside the excluded bands.
    """
    rule = book.tariff.demand
    if rule is None or billed_on_contract(book, contract):
        return BillingDemand(billing_kw=Decimal(contract.contract_kw), basis="contract")
    window = _earlier_months(parse_month(month), rule.window_months - 1)
    counting = [past for past in window if parse_month(past).month in rule.ratchet_months]
    known = {past: Decimal(contract.past_peaks_kw[past]) for past in counting if past in contract.past_peaks_kw}
    candidates = [
        (peak_kw, "peak"),
        (max(known.values(), default=Decimal(0)), "ratchet"),
        (rule.contract_floor * contract.contract_kw, "floor"),
    ]
    billing_kw, basis = max(candidates, key=lambda candidate: candidate[0])
    return BillingDemand(
        billing_kw=_rounded_kw(billing_kw, rule),
        basis=basis,
        unknown_months=tuple(past for past in counting if past not in known),
        ignored_months=tuple(sorted(set(contract.past_peaks_kw) - set(window))),
    )


def excess_demand(rule: ExcessRule, contract: Contract, month: str, highest_kw: Decimal) -> Excess | None:
    """Return the demand above contract power, all bands included, or None.

    Without `excess_noticed` in the contract, an earlier month counts as the notice if its known peak was above
    contract power.
    """
    contract_kw = Decimal(contract.contract_kw)
    if highest_kw <= contract_kw:
        return None
    excess_kw = highest_kw - contract_kw
    ratio = (excess_kw / contract_kw).quantize(RATIO_DIGITS) if contract_kw else Decimal("Infinity")
    multiplier = max(tier.multiplier for tier in rule.tiers if tier.from_ratio <= ratio)
    noticed = contract.excess_noticed
    if noticed is None:
        noticed = any(past < month and peak_kw > contract_kw for past, peak_kw in contract.past_peaks_kw.items())
    notice_only = rule.first_month_is_notice and not noticed
    return Excess(excess_kw=excess_kw, multiplier=multiplier, notice_only=notice_only)


def _earlier_months(first: date, count: int) -> list[str]:
    number = first.year * 12 + first.month - 1
    return [f"{(number - back) // 12:04}-{(number - back) % 12 + 1:02}" for back in range(1, count + 1)]


def _rounded_kw(demand_kw: Decimal, rule: DemandRule) -> Decimal:
    if rule.rounding_kw is None:
        return demand_kw
    step = Decimal(rule.rounding_kw)
    return (demand_kw / step + Decimal("0.5")).to_integral_value("ROUND_FLOOR") * step

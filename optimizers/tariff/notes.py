"""What a bill had to assume or leave out, in words for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from optimizers.tariff.contract import Contract, known_until
from optimizers.tariff.demand import BillingDemand, Excess
from optimizers.tariff.meter import CompleteMonth
from optimizers.tariff.power_factor import PowerFactor
from optimizers.tariff.timeline import TariffTimeline
from shared.intervals import INTERVAL_S
from shared.reference.prices import DatedFigure
from shared.reference.tariffs import PowerFactorRule, TariffBook, Version


@dataclass(frozen=True, slots=True)
class Note:
    """One assumption or omission: a stable code and a sentence in each language."""

    code: str
    en: str
    ko: str


def demand_unknown(month: CompleteMonth, billed: BillingDemand, *, peak_kw: Decimal) -> list[Note]:
    """Say that the month's highest demand is not known, why, and what the base charge rests on instead."""
    if month.demand_known:
        return []
    minutes = month.metered_over_s // 60
    missing, size = int((~month.measured).sum()), month.starts.size
    quarterly = month.metered_over_s == INTERVAL_S
    why = f"{missing} of {size} intervals are missing" if quarterly else f"the meter's intervals are {minutes} minutes"
    why_ko = f"{size}개 구간 중 {missing}개 누락" if quarterly else f"계량 간격 {minutes}분"
    rest = (
        f"it was at least {peak_kw} kW in billable hours; billed is {billed.billing_kw} kW ({billed.basis}), the least "
        "that it can be"
    )
    rest_ko = f"유효 시간대 최소 {peak_kw} kW, 확인된 최소값 {billed.billing_kw} kW({billed.basis})로 산정"
    if billed.basis == "contract":
        rest, rest_ko = "the base charge is on contract power", "기본요금은 계약전력 기준"
    return [
        Note(
            "demand_unknown",
            f"the month's highest demand is unknown ({why}): {rest}; base charge, excess and total may be higher",
            f"월 최대수요 미확인({why_ko}): {rest_ko}. 기본요금·초과요금·합계는 더 클 수 있음",
        )
    ]


def bands_split(placed: TariffTimeline, month: CompleteMonth) -> list[Note]:
    """Say that some of a meter's longer intervals lie across the border of two prices; they begin on their own grid."""
    numbers: dict[str, int] = {}
    priced = np.array(
        [[numbers.setdefault(basis, len(numbers)) for basis in profile.bases()] for profile in placed.profiles],
        dtype=np.int64,
    )
    by_interval = priced[placed.profile_of, placed.slot_of].reshape(-1, month.metered_over_s // INTERVAL_S)
    across = int((by_interval != by_interval[:, :1]).any(axis=1).sum())
    if not across:
        return []
    return [
        Note(
            "bands_split_by_time",
            f"{across} of the meter's intervals lie across the border of two prices; their energy is split by time",
            f"계량 구간 {across}개가 두 단가에 걸쳐 시간 비례로 나눔",
        )
    ]


def estimated(book: TariffBook, month: CompleteMonth) -> list[Note]:
    """List the gaps that were filled by the estimate rule, as local half-open spans."""
    missing = np.flatnonzero(~month.measured)
    if not missing.size:
        return []
    runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1)
    spans = ", ".join(
        f"{_local(book, int(month.starts[run[0]]))} to {_local(book, int(month.starts[run[-1]]) + INTERVAL_S)}"
        for run in runs
    )
    energy_kwh = Decimal(int(month.energy_wh[missing].sum())) / 1000
    rule = "the mean of the same quarter hour on the month's other days of its kind"
    rule_ko = "같은 달 같은 종류의 날 같은 시각 평균"
    return [
        Note(
            "intervals_estimated",
            f"{missing.size} of {month.starts.size} intervals are missing, billed as {rule}, {energy_kwh} kWh: {spans}",
            f"{month.starts.size}개 구간 중 {missing.size}개가 없어 {rule_ko}({energy_kwh} kWh)으로 산정: {spans}",
        )
    ]


def versions(book: TariffBook, used: Sequence[Version], last: date) -> list[Note]:
    """Say when two versions share the month that ends with `last`, and which prices are less than sure."""
    notes = []
    known = known_until(book, used[-1])
    if last > known:
        gathered = book.tariff.gathered
        notes.append(
            Note(
                "prices_go_on",
                f"no tariff after {known} is known: {used[-1].id}, gathered on {gathered}, is taken to go on",
                f"{known} 이후 요금표 미확인: {gathered}에 확인한 {used[-1].id} 단가가 계속되는 것으로 봄",
            )
        )
    if len(used) > 1:
        listed = ", ".join(version.id for version in used)
        notes.append(
            Note(
                "versions_in_month",
                f"the tariff changed within the month ({listed}): energy by the day, base price by the share of days",
                f"월중 요금제 변경({listed}): 전력량요금은 날짜별, 기본요금 단가는 일수 비례 적용",
            )
        )
    notes += [
        Note(
            "prices_not_sure",
            f"prices of {version.id} have confidence {version.confidence}: {version.note or 'one source'}",
            f"{version.id} 단가의 신뢰도: {version.confidence}",
        )
        for version in used
        if version.confidence != "high"
    ]
    return notes


def temporary_holidays(book: TariffBook, days: Iterable[date]) -> list[Note]:
    """Name the public holidays that were billed as ordinary days."""
    temporary = frozenset[date]() if book.calendar is None else book.calendar.temporary
    return [
        Note(
            "temporary_holiday",
            f"{day} is a temporary holiday, billed as an ordinary day of its weekday, without weekend discount",
            f"{day} 임시공휴일은 해당 요일의 평일로 산정하며 주말 할인 없음",
        )
        for day in days
        if day in temporary
    ]


def contract_range(book: TariffBook, contract: Contract) -> list[Note]:
    """Say when contract power lies outside what the class is meant for."""
    kw = book.tariff.classes[contract.tariff_class].contract_kw
    if kw.at_least_kw <= contract.contract_kw and (kw.below_kw is None or contract.contract_kw < kw.below_kw):
        return []
    meant = f"[{kw.at_least_kw}, {kw.below_kw if kw.below_kw is not None else '∞'}) kW"
    return [
        Note(
            "contract_outside_class",
            f"contract power {contract.contract_kw} kW is outside the range of its class, {meant}; billed all the same",
            f"계약전력 {contract.contract_kw} kW가 계약종별 범위 {meant} 밖이나 계약대로 산정",
        )
    ]


def demand(book: TariffBook, found: BillingDemand, *, peak_kw: Decimal, highest_kw: Decimal) -> list[Note]:
    """Say what the billing demand rests on: months not known, readings that do not count, no rounding.

    `peak_kw` is the month's highest billable quarter hour, `highest_kw` the highest of all.
    """
    rule = book.tariff.demand
    if rule is None or found.basis == "contract":
        return []
    notes = []
    if found.unknown_months:
        months = ", ".join(found.unknown_months)
        notes.append(
            Note(
                "past_peaks_unknown",
                f"the billing demand is the highest of the months known; not given: {months}",
                f"요금적용전력은 알려진 달만으로 산정; 자료 없는 달: {months}",
            )
        )
    if found.ignored_months:
        months = ", ".join(found.ignored_months)
        notes.append(
            Note(
                "past_peaks_ignored",
                f"past peaks outside the {rule.window_months - 1} months before do not count: {months}",
                f"직전 {rule.window_months - 1}개월 밖의 피크는 제외: {months}",
            )
        )
    if highest_kw > peak_kw:
        bands = ", ".join(rule.excluded_bands)
        notes.append(
            Note(
                "excluded_band_peak",
                f"the month's highest demand, {highest_kw} kW, fell in an excluded band ({bands}) and sets no base"
                f" charge (confidence {rule.excluded_bands_confidence}); {peak_kw} kW counts",
                f"월 최대수요 {highest_kw} kW는 경부하 시간대이므로 제외하고 {peak_kw} kW 적용",
            )
        )
    if rule.rounding_kw is None and found.billing_kw != found.billing_kw.to_integral_value():
        notes.append(
            Note(
                "billing_kw_not_rounded",
                f"how billing demand is rounded is unknown; {found.billing_kw} kW is billed unrounded",
                f"요금적용전력 단수 처리 규정 미확인: {found.billing_kw} kW 그대로 적용",
            )
        )
    return notes


def excess(contract: Contract, found: Excess | None) -> list[Note]:
    """Say whether demand above contract power is charged or only notified, and why."""
    if found is None:
        return []
    why = "no earlier month above contract power is known"
    if contract.excess_noticed is not None:
        why = f"the contract says excess_noticed: {str(contract.excess_noticed).lower()}"
    elif not found.notice_only:
        why = "a past month's peak was above contract power"
    over = f"demand exceeded contract power by {found.excess_kw} kW"
    if found.notice_only:
        return [
            Note(
                "excess_notice",
                f"{over}: the first such month is a notice without charge ({why})",
                f"계약전력 {found.excess_kw} kW 초과: 첫 달은 예고로 부과하지 않음",
            )
        ]
    return [
        Note(
            "excess_charged",
            f"{over}: charged at {found.multiplier} times the base price ({why})",
            f"계약전력 {found.excess_kw} kW 초과: 기본요금 단가의 {found.multiplier}배 부과",
        )
    ]


def power_factor(rule: PowerFactorRule, found: PowerFactor, month: CompleteMonth) -> list[Note]:
    """Say what the power factor rests on."""
    if month.lag_varh is None and month.lead_varh is None:
        return [
            Note(
                "power_factor_deemed",
                f"no reactive energy was metered: a lagging power factor of {rule.deemed_percent} % is deemed",
                f"무효전력 계량 없음: 지상역률 {rule.deemed_percent}%로 간주",
            )
        ]
    averages = f"lagging {found.lagging_percent} %, leading {found.leading_percent} %"
    notes = [
        Note(
            "power_factor_averages",
            f"average power factor: {averages}; {rule.unknown or 'the rule holds as dated'}",
            f"평균 역률: 지상 {found.lagging_percent}%, 진상 {found.leading_percent}%",
        )
    ]
    if found.share_of_base > 0:
        notes.append(
            Note(
                "power_factor_notice",
                "the first month below the base would only be a notice; it is charged as if that had been given",
                "기준 미달 첫 달은 예고이나 예고가 이미 있었던 것으로 보고 부과",
            )
        )
    if month.lag_varh is None or month.lead_varh is None:
        side, side_ko = ("lagging", "지상") if month.lag_varh is None else ("leading", "진상")
        notes.append(
            Note(
                "reactive_column_missing",
                f"no {side} reactive energy was given; it is taken as 0",
                f"{side_ko} 무효전력 자료가 없어 0으로 간주",
            )
        )
    return notes


def figures(name: str, name_ko: str, used: Iterable[DatedFigure]) -> list[Note]:
    """Say which dated figures rest on an assumption."""
    return [
        Note(
            f"{name.replace(' ', '_')}_assumed",
            f"{name} from {figure.first}: {'unknown, ' if figure.known is None else ''}{figure.used} is used"
            f" ({figure.assumption})",
            f"{name_ko} ({figure.first}부터): {'미확인, ' if figure.known is None else ''}{figure.used} 적용",
        )
        for figure in used
        if figure.assumption
    ]


def _local(book: TariffBook, epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, tz=book.tariff.zone).isoformat(timespec="minutes")

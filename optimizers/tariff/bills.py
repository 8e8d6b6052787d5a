"""A month's bill from the grid company, line by line.

Each line is rounded once, half up to the won (tax, fund and total as the tariff says), and every total is the sum of
the rounded lines above it, so that a person can add the bill up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from optimizers.tariff import notes
from optimizers.tariff.contract import Contract, check_names, rate_of
from optimizers.tariff.days import basis_of
from optimizers.tariff.demand import BillingDemand, Excess, billed_on_contract, billing_demand, excess_demand
from optimizers.tariff.meter import CompleteMonth, MeterReadings, completed, month_bounds, month_starts
from optimizers.tariff.power_factor import PowerFactor, power_factor
from optimizers.tariff.timeline import TariffTimeline, timeline
from shared.arrays import Integers
from shared.errors import BadInput
from shared.intervals import INTERVALS_PER_DAY, INTERVALS_PER_HOUR
from shared.reference.prices import DatedFigure
from shared.reference.tariffs import Rounding, TariffBook, Version
from shared.units import JEON_PER_KRW, JEON_WH_PER_KRW, WH_PER_KWH, round_half_up


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyLine:
    """The energy of a month that was priced alike."""

    version: str
    season: str
    band: str
    discount_factor: Fraction
    energy_wh: int
    rate_jeon_per_kwh: int

    @property
    def basis(self) -> str:
        """Return what its intervals have in common; `energy_bases` says it of each interval."""
        return basis_of(self.version, self.season, self.band, self.discount_factor)

    @property
    def charge(self) -> Fraction:
        """Return the charge before the discount [KRW], unrounded."""
        return Fraction(self.energy_wh * self.rate_jeon_per_kwh, JEON_WH_PER_KRW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A month's bill.

    `weekend_discount_krw` is what the discount takes off (>= 0); `power_factor_krw` is below 0 where it takes off, the
    one line that may. subtotal = base + power factor + energy - discount + climate + fuel + excess; total = subtotal +
    tax + fund, rounded. `billable_peak_kw` is what the next months' contracts need as this month's past peak. Where not
    `demand_known`, it and `highest_kw` are the least that the demand can have been, and so is what is billed on them.
    """

    month: str
    versions: tuple[str, ...]
    energy_wh: dict[str, int]
    energy_lines: tuple[EnergyLine, ...]
    billable_peak_kw: Decimal
    highest_kw: Decimal
    billing_kw: Decimal
    billing_basis: str
    demand_known: bool
    metered_over_s: int
    intervals: int
    intervals_estimated: int
    energy_charge_krw: int
    weekend_discount_krw: int
    base_charge_krw: int
    power_factor_krw: int
    excess_krw: int
    climate_krw: int
    fuel_krw: int
    subtotal_krw: int
    vat_krw: int
    fund_krw: int
    total_krw: int
    notes: tuple[notes.Note, ...]

    @property
    def estimated_share(self) -> Fraction:
        """Return how much of the month was not measured."""
        return Fraction(self.intervals_estimated, self.intervals)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """What the month's powers come to."""

    peak_kw: Decimal
    highest_kw: Decimal
    billed: BillingDemand
    excess: Excess | None
    base_jeon_per_kw: Fraction


@dataclass(frozen=True, slots=True)
class _Levy:
    """A charge on every kWh [KRW, unrounded] and the dated figures it came from."""

    charge: Fraction
    figures: tuple[DatedFigure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a month's bill is made of, before any rounding."""

    placed: TariffTimeline
    complete: CompleteMonth
    lines: tuple[EnergyLine, ...]
    demand: _Demand
    factor: PowerFactor | None
    climate: _Levy
    fuel: _Levy
    vat: Sequence[DatedFigure]
    fund: Sequence[DatedFigure]


def month_bill(book: TariffBook, contract: Contract, readings: MeterReadings, month: str) -> Bill:
    """Bill one local month (YYYY-MM).

    Missing intervals are billed by the estimate rule of `completed` and named in the notes.

    Raises:
        BadInput: Names or days the tariff does not know, readings outside the month, or none at all.
    """
    parts = _parts(book, contract, readings, month)
    demand = parts.demand
    base_charge_krw = _won(Fraction(demand.billed.billing_kw) * demand.base_jeon_per_kw / JEON_PER_KRW)
    power_factor_krw = 0 if parts.factor is None else _won(base_charge_krw * Fraction(parts.factor.share_of_base))
    energy_charge_krw = _won(sum((line.charge for line in parts.lines), Fraction(0)))
    weekend_discount_krw = _won(sum((line.charge * (1 - line.discount_factor) for line in parts.lines), Fraction(0)))
    climate_krw, fuel_krw = _won(parts.climate.charge), _won(parts.fuel.charge)
    excess_krw = _excess_krw(demand)
    subtotal_krw = (
        base_charge_krw
        + power_factor_krw
        + energy_charge_krw
        - weekend_discount_krw
        + climate_krw
        + fuel_krw
        + excess_krw
    )
    rounding = book.tariff.rounding
    vat_krw = _percentage(subtotal_krw, parts.vat, rounding.vat)
    fund_krw = _percentage(subtotal_krw, parts.fund, rounding.fund)
    return Bill(
        month=month,
        versions=tuple(version.id for version in _versions(parts.placed)),
        energy_wh=_by_band(book, parts.lines),
        energy_lines=parts.lines,
        billable_peak_kw=demand.peak_kw,
        highest_kw=demand.highest_kw,
        billing_kw=demand.billed.billing_kw,
        billing_basis=demand.billed.basis,
        demand_known=parts.complete.demand_known,
        metered_over_s=parts.complete.metered_over_s,
        intervals=parts.complete.starts.size,
        intervals_estimated=int((~parts.complete.measured).sum()),
        energy_charge_krw=energy_charge_krw,
        weekend_discount_krw=weekend_discount_krw,
        base_charge_krw=base_charge_krw,
        power_factor_krw=power_factor_krw,
        excess_krw=excess_krw,
        climate_krw=climate_krw,
        fuel_krw=fuel_krw,
        subtotal_krw=subtotal_krw,
        vat_krw=vat_krw,
        fund_krw=fund_krw,
        total_krw=_rounded(Fraction(subtotal_krw + vat_krw + fund_krw), rounding.total),
        notes=_notes(book, contract, parts),
    )


def month_bills(book: TariffBook, contract: Contract, readings: MeterReadings, months: Sequence[str]) -> list[Bill]:
    """Bill consecutive months (rising, YYYY-MM) from one series: each month's peak counts in the months after it.

    Raises:
        BadInput: As `month_bill`; a month without any reading is refused.
    """
    bills: list[Bill] = []
    for month in months:
        bill = month_bill(book, contract, readings.between(*month_bounds(book, month)), month)
        exceeded = bill.highest_kw > contract.contract_kw
        contract = replace(
            contract,
            past_peaks_kw={**contract.past_peaks_kw, month: bill.billable_peak_kw},
            excess_noticed=True if exceeded else contract.excess_noticed,
        )
        bills.append(bill)
    return bills


def _parts(book: TariffBook, contract: Contract, readings: MeterReadings, month: str) -> _Parts:
    check_names(book, contract)
    starts = month_starts(book, month)
    _check_span(readings, starts, month)
    placed = timeline(book, contract, starts)
    complete = completed(readings, starts, placed)
    tariff = book.tariff
    given_fuel = contract.fuel_adjustment_krw_per_kwh
    return _Parts(
        placed=placed,
        complete=complete,
        lines=_energy_lines(placed, complete),
        demand=_demand(book, contract, month, placed, complete),
        factor=(
            power_factor(tariff.power_factor, complete, placed.slot_of)
            if contract.power_factor and tariff.power_factor is not None
            else None
        ),
        climate=_levy(tariff.climate_krw_per_kwh, "climate charge", placed, complete),
        fuel=(
            _levy(tariff.fuel_krw_per_kwh, "fuel adjustment", placed, complete)
            if given_fuel is None
            else _Levy(Fraction(given_fuel) * int(complete.energy_wh.sum()) / WH_PER_KWH)
        ),
        vat=_on_day(tariff.vat_percent, placed.days[0]),
        fund=_on_day(tariff.fund_percent, placed.days[0]),
    )


def _notes(book: TariffBook, contract: Contract, parts: _Parts) -> tuple[notes.Note, ...]:
    demand, factor, rule = parts.demand, parts.factor, book.tariff.power_factor
    return (
        *notes.demand_unknown(parts.complete, demand.billed, peak_kw=demand.peak_kw),
        *notes.bands_split(parts.placed, parts.complete),
        *notes.estimated(book, parts.complete),
        *notes.contract_range(book, contract),
        *notes.versions(book, _versions(parts.placed), parts.placed.days[-1]),
        *notes.temporary_holidays(book, parts.placed.days),
        *notes.demand(book, demand.billed, peak_kw=demand.peak_kw, highest_kw=demand.highest_kw),
        *notes.excess(contract, demand.excess),
        *(() if factor is None or rule is None else notes.power_factor(rule, factor, parts.complete)),
        *notes.figures("climate charge", "기후환경요금", parts.climate.figures),
        *notes.figures("fuel adjustment", "연료비조정요금", parts.fuel.figures),
        *notes.figures("fund", "전력산업기반기금", parts.fund),
        *notes.figures("value added tax", "부가가치세", parts.vat),
    )


def _check_span(readings: MeterReadings, starts: Integers, month: str) -> None:
    given = readings.starts
    if given.size == 0:
        raise BadInput(where="meter", field="start_utc", rule=f"must have readings in {month}", value="none")
    if given[0] < starts[0] or given[-1] > starts[-1]:
        outside = int(given[0] if given[0] < starts[0] else given[-1])
        rule = f"must lie in {month} (seconds {starts[0]} to {starts[-1]})"
        raise BadInput(where="meter", field="start_utc", rule=rule, value=outside)


def _energy_lines(placed: TariffTimeline, month: CompleteMonth) -> tuple[EnergyLine, ...]:
    cells = placed.profile_of * INTERVALS_PER_DAY + placed.slot_of
    # Exact: a month's Wh stay far below 2**53.
    sums = np.bincount(cells, weights=month.energy_wh, minlength=len(placed.profiles) * INTERVALS_PER_DAY)
    # A fraction's two integers are a much quicker key than the fraction.
    lines: dict[tuple[str, str, str, int, int, int], int] = {}
    for prices, of_slots in zip(
        placed.profiles, sums.astype(np.int64).reshape(-1, INTERVALS_PER_DAY).tolist(), strict=True
    ):
        for band, factor, rate_jeon, energy_wh in zip(
            prices.bands, prices.factors, prices.rates_jeon, of_slots, strict=True
        ):
            if energy_wh:
                key = (prices.version.id, prices.season, band, factor.numerator, factor.denominator, rate_jeon)
                lines[key] = lines.get(key, 0) + energy_wh
    return tuple(
        EnergyLine(
            version=version,
            season=season,
            band=band,
            discount_factor=Fraction(numerator, denominator),
            energy_wh=energy_wh,
            rate_jeon_per_kwh=rate_jeon,
        )
        for (version, season, band, numerator, denominator, rate_jeon), energy_wh in lines.items()
    )


def _by_band(book: TariffBook, lines: Iterable[EnergyLine]) -> dict[str, int]:
    energy_wh = dict.fromkeys(book.tariff.bands, 0)
    for line in lines:
        energy_wh[line.band] += line.energy_wh
    return energy_wh


def _demand(
    book: TariffBook, contract: Contract, month: str, placed: TariffTimeline, complete: CompleteMonth
) -> _Demand:
    rule = book.tariff.demand
    excluded = () if rule is None else rule.excluded_bands
    counts = np.array([[band not in excluded for band in prices.bands] for prices in placed.profiles], dtype=np.bool_)
    # A mean of other days is no demand: where most of the month is one, only what was measured counts.
    counted = np.ones_like(complete.measured) if complete.demand_known else complete.measured
    billable = counts[placed.profile_of, placed.slot_of] & counted
    peak_kw, highest_kw = (
        Decimal(int(complete.demand_wh[those].max(initial=0)) * INTERVALS_PER_HOUR) / WH_PER_KWH
        for those in (billable, counted)
    )
    on_contract = billed_on_contract(book, contract)
    excess = book.tariff.excess
    return _Demand(
        peak_kw=peak_kw,
        highest_kw=highest_kw,
        billed=billing_demand(book, contract, month, peak_kw),
        excess=None if excess is None or on_contract else excess_demand(excess, contract, month, highest_kw),
        base_jeon_per_kw=_base_price(book, contract, placed),
    )


def _base_price(book: TariffBook, contract: Contract, placed: TariffTimeline) -> Fraction:
    """Return the month's base price [jeon per kW]: that of its versions, each by its share of days."""
    first_of_day = np.searchsorted(placed.day_of, np.arange(len(placed.days)))
    of_days = [
        rate_of(book, contract, placed.profiles[n].version).base_jeon_per_kw for n in placed.profile_of[first_of_day]
    ]
    return Fraction(sum(of_days), len(of_days))


def _excess_krw(demand: _Demand) -> int:
    if demand.excess is None or demand.excess.notice_only:
        return 0
    return _won(Fraction(demand.excess.excess_kw * demand.excess.multiplier) * demand.base_jeon_per_kw / JEON_PER_KRW)


def _levy(figures: Sequence[DatedFigure], name: str, placed: TariffTimeline, complete: CompleteMonth) -> _Levy:
    """Charge every kWh at its day's figure; a tariff without figures has no such levy."""
    if not figures:
        return _Levy(Fraction(0))
    of_days = np.bincount(placed.day_of, weights=complete.energy_wh).astype(np.int64).tolist()
    of_figures: dict[int, int] = {}
    used: dict[int, DatedFigure] = {}
    for day, energy_wh in zip(placed.days, of_days, strict=True):
        figure = next((figure for figure in figures if figure.holds_on(day)), None)
        if figure is None:
            raise BadInput(where="tariff", field=name, rule="must be known for every day billed", value=day)
        used[id(figure)] = figure
        of_figures[id(figure)] = of_figures.get(id(figure), 0) + energy_wh
    charge = sum(
        (Fraction(used[one].used) * energy_wh / WH_PER_KWH for one, energy_wh in of_figures.items()), Fraction(0)
    )
    return _Levy(charge, tuple(used.values()))


def _on_day(figures: Sequence[DatedFigure], day: date) -> list[DatedFigure]:
    return [figure for figure in figures if figure.holds_on(day)]


def _percentage(subtotal_krw: int, figures: Sequence[DatedFigure], rounding: Rounding) -> int:
    return _rounded(sum((subtotal_krw * Fraction(figure.used) / 100 for figure in figures), Fraction(0)), rounding)


def _versions(placed: TariffTimeline) -> list[Version]:
    versions = {prices.version.id: prices.version for prices in placed.profiles}
    return sorted(versions.values(), key=lambda version: version.first)


def _won(krw: Fraction) -> int:
    return round_half_up(krw.numerator, krw.denominator)


def _rounded(krw: Fraction, rounding: Rounding) -> int:
    steps = krw / rounding.to_krw
    whole = _won(steps) if rounding.mode == "half_up" else steps.numerator // steps.denominator
    return whole * rounding.to_krw

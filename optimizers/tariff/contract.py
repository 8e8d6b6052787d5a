"""What a customer agreed with the grid company, and where that stands in a tariff."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from shared.complex.contract import GridContract
from shared.errors import BadInput, did_you_mean
from shared.reference.tariffs import Rate, TariffBook, Version

NO_OPTION = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A customer's contract.

    Args:
        tariff_class: As the tariff names it ("industrial_eul").
        voltage: As the tariff names it ("HV_A").
        option: The price plan chosen ("II"); "-" where the voltage offers none.
        contract_kw: Contract power [kW], at most 3 decimals.
        past_peaks_kw: Highest billable 15-minute demand [kW] of past months, by "YYYY-MM", as far as known.
        fuel_adjustment_krw_per_kwh: A fuel adjustment [KRW/kWh] that replaces the tariff's dated one; None keeps that.
        power_factor: Whether the power factor is billed.
        excess_noticed: Whether an earlier excess over contract power was notified; None: judged by past_peaks_kw.
        deferred: Whether the site applied to keep the package before the reform of 2026 (to 2026-09-30).
    """

    tariff_class: str
    voltage: str
    option: str = NO_OPTION
    contract_kw: Decimal | int = 0
    past_peaks_kw: Mapping[str, Decimal | int] = field(default_factory=dict)
    fuel_adjustment_krw_per_kwh: Decimal | int | None = None
    power_factor: bool = False
    excess_noticed: bool | None = None
    deferred: bool = False


def contract_of(grid: GridContract) -> Contract:
    """Return a factory's contract as its complex file states it."""
    return Contract(
        tariff_class=grid.tariff_class,
        voltage=grid.voltage,
        option=grid.option,
        contract_kw=Decimal(str(grid.contract_kw)),
        past_peaks_kw={month: Decimal(str(peak_kw)) for month, peak_kw in grid.past_peaks_kw},
        fuel_adjustment_krw_per_kwh=grid.fuel_adjustment_krw_per_kwh,
        power_factor=grid.power_factor,
        excess_noticed=grid.excess_noticed,
        deferred=grid.deferred,
    )


def check_names(book: TariffBook, contract: Contract) -> None:
    """Refuse a class, voltage or option that the tariff has never had.

    Raises:
        BadInput: Where is "contract"; the field is `class`, `voltage` or `option`.
    """
    versions = [version for version in book.tariff.versions if version.tariff_class == contract.tariff_class]
    voltages = {voltage: version.rates[voltage] for version in versions for voltage in version.rates}
    options = {option for version in versions for option in version.rates.get(contract.voltage, {})}
    for name, given, known in (
        ("class", contract.tariff_class, book.tariff.classes),
        ("voltage", contract.voltage, voltages),
        ("option", contract.option, options),
    ):
        if given not in known:
            rule = f"must be one of {', '.join(sorted(known))}"
            hint = did_you_mean(given, sorted(known))
            raise BadInput(where="contract", field=name, rule=rule, value=given, hint=hint)


def version_on(book: TariffBook, contract: Contract, day: date) -> Version:
    """Return the version of the contract's class that is in force on a local day.

    Raises:
        BadInput: No version is known for the day, or no holidays, or the names are unknown.
    """
    check_names(book, contract)
    versions = [version for version in book.tariff.versions if version.tariff_class == contract.tariff_class]
    in_force = [version for version in versions if _in_force(version, day, deferred=contract.deferred)]
    if not in_force:
        known = ", ".join(f"{version.id} ({version.first} to {version.last or 'now'})" for version in versions)
        rule = f"must be a day with known prices of {contract.tariff_class}"
        raise BadInput(where=f"tariff {book.tariff.id}", field="date", rule=rule, value=day, hint=f"known: {known}")
    calendar = book.calendar
    if calendar is not None and not calendar.covers(day, day):
        rule = f"must lie within the known holidays, {calendar.first} to {calendar.known_until}"
        raise BadInput(where=f"tariff {book.tariff.id}", field="date", rule=rule, value=day)
    # A deferred old version outlives the start of its successor.
    return min(in_force, key=lambda version: version.first)


def known_until(book: TariffBook, version: Version) -> date:
    """Return the last day whose prices a version is known to set: its own, or the file's where it is open."""
    if isinstance(version.last, date):
        return version.last
    return max(book.tariff.known_until, date(version.first.year, 12, 31))


def rate_of(book: TariffBook, contract: Contract, version: Version) -> Rate:
    """Return what the contract's voltage and option pay under a version.

    Raises:
        BadInput: The version has no such voltage or option.
    """
    rate = version.rates.get(contract.voltage, {}).get(contract.option)
    if rate is None:
        given = f"{contract.voltage} {contract.option}"
        where = f"tariff {book.tariff.id}"
        raise BadInput(where=where, field="rates", rule=f"must have a price in version {version.id}", value=given)
    return rate


def _in_force(version: Version, day: date, *, deferred: bool) -> bool:
    if version.last == "unknown":
        return False
    last = version.last_if_deferred if deferred and version.last_if_deferred else version.last
    return version.first <= day and (last is None or day <= last)

"""`sandan tariff`: what the grid company charges, for one moment and for a month."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exact_json import exact_json
from cli.output import Pretty
from shared.errors import BadInput
from shared.units import JEON_PER_KRW, WH_PER_KWH

if TYPE_CHECKING:
    # numpy is loaded when the verb runs, so that the other verbs start fast.
    from optimizers.tariff import Bill
    from shared.tariffs import TariffBook

YEARS = range(1970, 3000)
CONTRACT_NAMES = ("class", "voltage", "option")
COMMAND_LINE = "command line"
INTERFACE_BANDS = ("light", "mid", "peak")

TariffName = Annotated[
    str | None,
    typer.Option("--tariff", help="A tariff of infra/tariffs, or a .yaml file; else the Korean one. / 요금표."),
]

tariff = typer.Typer(no_args_is_help=True, help="What the grid company charges. / 한전 요금.")


class Language(StrEnum):
    """The language of a bill's notes."""

    EN = "en"
    KO = "ko"


@tariff.command()
def quote(
    tariff_class: Annotated[str, typer.Option("--class", help="industrial_gap_1, industrial_gap_2, industrial_eul")],
    voltage: Annotated[str, typer.Option(help="low, HV_A, HV_B, HV_C")],
    start: Annotated[str, typer.Option(help="2026-04-18T11:15, local time of the tariff. / 현지 시각.")],
    option: Annotated[str, typer.Option(help="I, II, III; - where there is none. / 선택 요금.")] = "-",
    tariff_name: TariffName = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Say what a kWh costs at one time. / 한 시점의 전력량요금 단가.

    energy_krw_per_kwh is the price paid, after the discount; rate_krw_per_kwh is the band's price before it.
    """
    from optimizers import tariff as calculation

    book = _book(tariff_name)
    instant = _local_time(start, book)
    contract = calculation.Contract(tariff_class=tariff_class, voltage=voltage, option=option)
    with _naming(COMMAND_LINE, {**{name: f"--{name}" for name in CONTRACT_NAMES}, "date": "--start"}):
        found = calculation.quote(book, contract, instant)
    answer = {
        "version": found.version,
        "season": found.season,
        "day_kind": found.day_kind,
        "band": found.band,
        "discount_factor": Decimal(found.discount_factor.numerator) / found.discount_factor.denominator,
        "energy_krw_per_kwh": Decimal(found.energy_jeon_per_kwh) / JEON_PER_KRW,
        "rate_krw_per_kwh": Decimal(found.rate_jeon_per_kwh) / JEON_PER_KRW,
    }
    sys.stdout.write(exact_json(answer, indent=2 if pretty else None) + "\n")


@tariff.command()
def bill(
    meter: Annotated[Path, typer.Argument(help="start_utc,energy_kwh[,lag_kvarh,lead_kvarh] / 검침 자료.")],
    contract: Annotated[Path, typer.Option(help="The contract as JSON. / 계약 정보.")],
    month: Annotated[str, typer.Option(help="YYYY-MM, local days. / 청구 월.")],
    tariff_name: TariffName = None,
    language: Annotated[Language, typer.Option(help="Of the notes. / 비고의 언어.")] = Language.EN,
    *,
    pretty: Pretty = False,
) -> None:
    """Bill a month, line by line. / 한 달 전기요금을 항목별로 계산합니다.

    subtotal = base + power factor + energy - weekend discount + climate + fuel + excess; each line is rounded once,
    half up to the won. Missing intervals are billed as the mean of the same quarter hour on the month's other days of
    the same kind (weekday, Saturday, Sunday, holiday), else on all its days, and are listed in the notes.
    """
    from cli.tariff_files import read_contract, read_meter
    from optimizers import tariff as calculation

    book = _book(tariff_name)
    with _naming(COMMAND_LINE, {"month": "--month"}):
        starts = calculation.month_starts(book, month)
    agreed = read_contract(contract)
    with _naming(str(contract), {name: f"$.{name}" for name in CONTRACT_NAMES}):
        calculation.check_names(book, agreed)
    with _naming(COMMAND_LINE, {"date": "--month"}):
        calculation.timeline(book, agreed, starts)  # a month without prices is said before anything about its readings
    readings, rounded = read_meter(meter, starts, month)
    found = calculation.month_bill(book, agreed, readings, month)
    answer = _answer(found, rounded=rounded, language=language)
    sys.stdout.write(exact_json(answer, indent=2 if pretty else None) + "\n")


def _answer(bill: "Bill", *, rounded: int, language: Language) -> dict[str, object]:
    notes = [f"{note.code}: {note.ko if language is Language.KO else note.en}" for note in bill.notes]
    if rounded:
        text = "numbers were finer than a Wh and rounded half up to it"
        text_ko = "개 값을 Wh 단위로 반올림"
        notes.append(
            f"meter_rounded: {rounded}{text_ko}" if language is Language.KO else f"meter_rounded: {rounded} {text}"
        )
    return {
        "month": bill.month,
        "version": "+".join(bill.versions),
        "energy_kwh": {
            band: Decimal(energy_wh) / WH_PER_KWH
            for band, energy_wh in {**dict.fromkeys(INTERFACE_BANDS, 0), **bill.energy_wh}.items()
            if energy_wh or band in INTERFACE_BANDS
        },
        "energy_charge_krw": bill.energy_charge_krw,
        "weekend_discount_krw": bill.weekend_discount_krw,
        "billing_kw": bill.billing_kw,
        "billing_basis": bill.billing_basis,
        "base_charge_krw": bill.base_charge_krw,
        "power_factor_krw": bill.power_factor_krw,
        "excess_krw": bill.excess_krw,
        "climate_krw": bill.climate_krw,
        "fuel_krw": bill.fuel_krw,
        "subtotal_krw": bill.subtotal_krw,
        "vat_krw": bill.vat_krw,
        "fund_krw": bill.fund_krw,
        "total_krw": bill.total_krw,
        "billable_peak_kw": bill.billable_peak_kw,
        "highest_kw": bill.highest_kw,
        "intervals_estimated": bill.intervals_estimated,
        "energy_lines": [
            {
                "version": line.version,
                "season": line.season,
                "band": line.band,
                "discount_factor": Decimal(line.discount_factor.numerator) / line.discount_factor.denominator,
                "rate_krw_per_kwh": Decimal(line.rate_jeon_per_kwh) / JEON_PER_KRW,
                "energy_kwh": Decimal(line.energy_wh) / WH_PER_KWH,
            }
            for line in bill.energy_lines
        ],
        "notes": notes,
    }


def _book(name: str | None) -> "TariffBook":
    from shared.reference import tariff_book

    if name is None:
        return tariff_book()
    return tariff_book(Path(name) if name.endswith((".yaml", ".yml")) else name)


def _local_time(text: str, book: "TariffBook") -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.year not in YEARS:
        rule = "must be a time such as 2026-04-18T11:15"
        raise BadInput(where=COMMAND_LINE, field="--start", rule=rule, value=text)
    return instant if instant.tzinfo else instant.replace(tzinfo=book.tariff.zone)


@contextmanager
def _naming(where: str, names: Mapping[str, str]) -> Iterator[None]:
    """Let bad input name the flag or JSON path a person used instead of the calculation's field."""
    try:
        yield
    except BadInput as error:
        if error.field not in names:
            raise
        name = names[error.field]
        raise BadInput(where=where, field=name, rule=error.rule, value=error.value, hint=error.hint) from None

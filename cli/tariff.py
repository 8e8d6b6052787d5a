"""`sandan tariff`: what the grid company charges, for one moment and for a month."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exact_json import exact_json
from cli.language import Language
from cli.language import language as language_in_use
from cli.output import EXIT_WRONG_ANSWER, Pretty
from shared.errors import BadInput
from shared.units import JEON_PER_KRW, WH_PER_KWH

if TYPE_CHECKING:
    # numpy is loaded when the verb runs, so that the other verbs start fast.
    from cli.meter_file import MeterFile
    from optimizers.tariff.bills import Bill
    from optimizers.tariff.contract import Contract
    from optimizers.tariff.notes import Note
    from shared.reference.tariffs import TariffBook

YEARS = range(1970, 3000)
CONTRACT_NAMES = ("class", "voltage", "option")
COMMAND_LINE = "command line"
ESTIMATED_SHARE_MAX = 0.05
# Average power taken for energy shows 4 times the demand, in a month of two thirds of the year's highest 2.5 times it.
PAST_PEAK_FACTOR = Decimal("2.5")
# A MWh read as a kWh shows a thousandth; a factory that stands still draws nothing, or more than this for its lights.
LEAST_SHARE_OF_CONTRACT = Decimal("0.002")
# Notes that say that the answer is not what was asked for.
WRONG_ANSWERS = {"mostly_estimated", "demand_unknown", "demand_unlike_contract", "peak_unlike_past"}
INTERFACE_BANDS = ("light", "mid", "peak")

TariffName = Annotated[
    str | None,
    typer.Option("--tariff", help="A tariff of infra/tariffs, or a .yaml file; else the Korean one. / 요금표."),
]

tariff = typer.Typer(no_args_is_help=True, help="What the grid company charges. / 한전 요금.")


@tariff.command()
def quote(
    tariff_class: Annotated[
        str, typer.Option("--class", help="industrial_gap_1, industrial_gap_2, industrial_eul / 계약종별.")
    ],
    voltage: Annotated[str, typer.Option(help="low, HV_A, HV_B, HV_C / 공급 전압.")],
    start: Annotated[str, typer.Option(help="2026-04-18T11:15, local time of the tariff. / 현지 시각.")],
    option: Annotated[str, typer.Option(help="I, II, III; - where there is none. / 선택 요금.")] = "-",
    tariff_name: TariffName = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Say what a kWh costs at one time. / 한 시점의 전력량요금 단가를 보여줍니다.

    energy_krw_per_kwh is the price paid, after the discount; rate_krw_per_kwh is the band's price before it. /
    energy_krw_per_kwh는 할인 후 실제 단가, rate_krw_per_kwh는 할인 전 시간대 단가입니다.

    Example: sandan tariff quote --class industrial_eul --voltage HV_A --option II --start 2026-04-18T11:15
    """
    from optimizers.tariff.contract import Contract
    from optimizers.tariff.quotes import quote as quote_of

    book = _book(tariff_name)
    instant = _local_time(start, book)
    contract = Contract(tariff_class=tariff_class, voltage=voltage, option=option)
    with _naming(COMMAND_LINE, {**{name: f"--{name}" for name in CONTRACT_NAMES}, "date": "--start"}):
        quoted = quote_of(book, contract, instant)
    answer = {
        "version": quoted.version,
        "season": quoted.season,
        "day_kind": quoted.day_kind,
        "band": quoted.band,
        "discount_factor": Decimal(quoted.discount_factor.numerator) / quoted.discount_factor.denominator,
        "energy_krw_per_kwh": Decimal(quoted.energy_jeon_per_kwh) / JEON_PER_KRW,
        "rate_krw_per_kwh": Decimal(quoted.rate_jeon_per_kwh) / JEON_PER_KRW,
    }
    sys.stdout.write(exact_json(answer, indent=2 if pretty else None) + "\n")
    if instant.astimezone(book.tariff.zone).date() > quoted.known_until:
        sys.stderr.write(
            f"{COMMAND_LINE}: --start lies after {quoted.known_until}, and no later tariff is known: {quoted.version},"
            f" gathered on {book.tariff.gathered}, is taken to go on\n"
        )


@tariff.command()
def bill(
    meter: Annotated[Path, typer.Argument(help="Meter readings, METER.csv. / 검침 자료 METER.csv.")],
    contract: Annotated[Path, typer.Option(help="The contract, CONTRACT.json. / 계약 정보 CONTRACT.json.")],
    month: Annotated[str, typer.Option(help="YYYY-MM, local days. / 청구 월.")],
    tariff_name: TariffName = None,
    language: Annotated[
        Language | None, typer.Option(help="Of the notes; without it as --lang. / 비고의 언어.")
    ] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Bill a month, line by line. / 한 달 전기요금을 항목별로 계산합니다.

    METER.csv has start_utc,energy_kwh[,lag_kvarh,lead_kvarh]: energy drawn from the grid by intervals of 15 minutes. /
    METER.csv의 열은 start_utc,energy_kwh[,lag_kvarh,lead_kvarh]이고, 15분 간격의 계통 수전 전력량입니다.

    CONTRACT.json has class, voltage, option, contract_kw, past_peaks_kw (the highest kW of the last months) and
    fuel_adjustment_krw_per_kwh (null: the dated value), as examples/contract.json shows. / CONTRACT.json에는 class,
    voltage, option, contract_kw, past_peaks_kw(지난 달들의 최대 kW), fuel_adjustment_krw_per_kwh(null이면 고시값)가
    있습니다. examples/contract.json을 참고하십시오.

    subtotal = base + power factor + energy - weekend discount + climate + fuel + excess; each line is rounded once,
    half up to the won. Missing intervals are billed as the mean of the same quarter hour on the month's other days of
    the same kind (weekday, Saturday, Sunday, holiday), else on all its days, and are listed in the notes. / 소계는
    기본요금 + 역률요금 + 전력량요금 - 주말 할인 + 기후환경요금 + 연료비조정액 + 초과사용부가금이며, 항목마다 한 번씩
    원 단위로 반올림합니다. 빠진 구간은 같은 종류의 날(평일, 토요일, 일요일, 공휴일) 같은 15분의 평균으로, 없으면 모든
    날의 평균으로 채우고 비고에 적습니다.

    Exit 1, with the reason on stderr and in the notes, where more than 5 % of the month is estimated, where the highest
    demand is unknown (hourly or half-hourly intervals, or more than half of them missing: energy is billed by band, the
    base charge on the least that it can be), or where that is far above the past peaks. Register readings, another unit
    and another or a changing step are refused. / 다음은 이유를 stderr와 비고에 적고 종료 코드 1로 끝납니다: 한 달의
    5 %를 넘게 추정한 경우, 최대수요를 알 수 없는 경우(30분·1시간 자료이거나 절반 넘게 빠진 경우), 최대수요가 과거
    최대보다 훨씬 큰 경우. 누적 지침, 다른 단위, 다르거나 바뀌는 간격은 거부합니다.

    Example: sandan tariff bill examples/meter.csv --contract examples/contract.json --month 2026-05
    """
    language = language or language_in_use()
    month_bill, notes, wrong = _billed(meter, contract, month, _book(tariff_name))
    sys.stdout.write(exact_json(_answer(month_bill, notes, language), indent=2 if pretty else None) + "\n")
    for note in wrong:
        sys.stderr.write(f"{meter}: {note.ko if language is Language.KO else note.en}\n")
    if wrong:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def _billed(meter: Path, contract: Path, month: str, book: "TariffBook") -> "tuple[Bill, tuple[Note, ...], list[Note]]":
    """Return a month's bill, all notes on it, and those of them that say that it may not be believed."""
    from cli.meter_file import Asked, read_meter
    from cli.tariff_files import read_contract
    from optimizers.tariff.bills import month_bill
    from optimizers.tariff.contract import check_names
    from optimizers.tariff.meter import month_starts
    from optimizers.tariff.timeline import timeline

    with _naming(COMMAND_LINE, {"month": "--month"}):
        starts = month_starts(book, month)
    agreed = read_contract(contract)
    with _naming(str(contract), {name: f"$.{name}" for name in CONTRACT_NAMES}):
        check_names(book, agreed)
    with _naming(COMMAND_LINE, {"date": "--month"}):
        timeline(book, agreed, starts)  # a month without prices is said before anything about its readings
    read = read_meter(meter, Asked(starts=starts, month=month, contract=agreed))
    billed = month_bill(book, agreed, read.readings, month)
    doubts = _doubts(billed, agreed)
    wrong = [note for note in (*doubts, *billed.notes) if note.code in WRONG_ANSWERS]
    return billed, (*doubts, *billed.notes, *_read_as(read)), wrong


def _doubts(bill: "Bill", contract: "Contract") -> "list[Note]":
    """Return why a bill may not be believed, beside its own notes."""
    from optimizers.tariff.notes import Note

    doubts = []
    if bill.estimated_share > ESTIMATED_SHARE_MAX:
        percent = f"{100 * float(bill.estimated_share):.1f} %"
        doubts.append(
            Note(
                "mostly_estimated",
                f"{percent} of the month is estimated, more than {100 * ESTIMATED_SHARE_MAX:g} %: no bill to pay by",
                f"한 달의 {percent}가 추정값({100 * ESTIMATED_SHARE_MAX:g}% 초과): 청구 근거로 쓸 수 없음",
            )
        )
    if 0 < bill.highest_kw < LEAST_SHARE_OF_CONTRACT * contract.contract_kw:
        doubts.append(
            Note(
                "demand_unlike_contract",
                f"the highest demand, {bill.highest_kw} kW, is next to nothing beside the contract power of"
                f" {contract.contract_kw} kW: is energy_kwh in kWh, and not in MWh?",
                f"최대수요 {bill.highest_kw} kW가 계약전력 {contract.contract_kw} kW에 비해 지나치게 작음: "
                "energy_kwh의 단위가 MWh가 아니라 kWh인지 확인 필요",
            )
        )
    past_kw = max(contract.past_peaks_kw.values(), default=Decimal(0))
    if bill.highest_kw > PAST_PEAK_FACTOR * past_kw > 0:
        doubts.append(
            Note(
                "peak_unlike_past",
                f"the highest demand, {bill.highest_kw} kW, is more than {PAST_PEAK_FACTOR} times the highest past peak"
                f" given, {past_kw} kW: is energy_kwh the energy of the interval, and not average power in kW?",
                f"최대수요 {bill.highest_kw} kW가 과거 최대 {past_kw} kW의 {PAST_PEAK_FACTOR}배 초과: "
                "energy_kwh가 구간 전력량이 아니라 평균전력(kW)인지 확인 필요",
            )
        )
    return doubts


def _read_as(read: "MeterFile") -> "list[Note]":
    """Return what was made of the file's texts."""
    from optimizers.tariff.notes import Note

    rounded, without = read.rounded, read.without_offset
    text, text_ko = "numbers were finer than a Wh and rounded half up to it", "개 값을 Wh 단위로 반올림"
    utc, utc_ko = "times have no offset: taken as UTC, as the column's name says", "개 시각에 오프셋이 없어 UTC로 간주"
    return [
        *([Note("meter_without_offset", f"{without} {utc}", f"{without}{utc_ko}")] if without else []),
        *([Note("meter_rounded", f"{rounded} {text}", f"{rounded}{text_ko}")] if rounded else []),
    ]


def _answer(bill: "Bill", notes: "Sequence[Note]", language: Language) -> dict[str, object]:
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
        "demand_known": bill.demand_known,
        "billable_peak_kw": bill.billable_peak_kw if bill.demand_known else None,
        "highest_kw": bill.highest_kw if bill.demand_known else None,
        "intervals_estimated": bill.intervals_estimated,
        "estimated_share": round(Decimal(bill.estimated_share.numerator) / bill.estimated_share.denominator, 4),
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
        "notes": [f"{note.code}: {note.ko if language is Language.KO else note.en}" for note in notes],
    }


def _book(name: str | None) -> "TariffBook":
    from shared.reference.load import tariff_book

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

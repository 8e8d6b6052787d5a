"""CONTRACT.json of `sandan tariff bill`."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr

from cli.output import read_json
from optimizers.tariff.contract import NO_OPTION, Contract
from optimizers.tariff.meter import parse_month
from shared.errors import BadInput
from shared.units import scaled_integer
from shared.validation import checked

CONTRACT_KW_MAX = 10_000_000
ADJUSTMENT_KRW_MAX = 1_000
# A float that a program wrote has up to 17 digits; 1e-999999999 must not eat the memory.
DECIMALS_MAX = 20


def _number(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | Decimal) or not Decimal(given).is_finite():
        raise ValueError("must be a number")
    return Decimal(given)


def _power(kw: Decimal) -> Decimal:
    if not 0 <= kw <= CONTRACT_KW_MAX or scaled_integer(kw, DECIMALS_MAX) is None:
        raise ValueError(f"must be >= 0 and <= {CONTRACT_KW_MAX:,} kW with at most {DECIMALS_MAX} decimals")
    return kw


def _contract_power(kw: Decimal) -> Decimal:
    if kw == 0:
        raise ValueError("must be > 0 kW")
    return kw


def _adjustment(krw_per_kwh: Decimal) -> Decimal:
    if abs(krw_per_kwh) > ADJUSTMENT_KRW_MAX or scaled_integer(krw_per_kwh, DECIMALS_MAX) is None:
        raise ValueError(f"must lie within +-{ADJUSTMENT_KRW_MAX:,} KRW per kWh, with at most {DECIMALS_MAX} decimals")
    return krw_per_kwh


def _month(text: str) -> str:
    try:
        parse_month(text)
    except BadInput as error:
        raise ValueError(error.rule) from None
    return text


Kw = Annotated[Decimal, BeforeValidator(_number), AfterValidator(_power)]
MonthName = Annotated[StrictStr, AfterValidator(_month)]


class ContractFile(BaseModel):
    """CONTRACT.json; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tariff_class: StrictStr = Field(alias="class")
    voltage: StrictStr
    option: StrictStr | None = None
    contract_kw: Annotated[Kw, AfterValidator(_contract_power)]
    past_peaks_kw: dict[MonthName, Kw] = {}
    fuel_adjustment_krw_per_kwh: Annotated[Decimal, BeforeValidator(_number), AfterValidator(_adjustment)] | None = None
    power_factor: StrictBool = False
    excess_noticed: StrictBool | None = None
    deferred: StrictBool = False


def read_contract(path: Path) -> Contract:
    """Read CONTRACT.json.

    Raises:
        BadInput: It is no JSON object (BadInputs: it breaks rules, each with its JSON path).
    """
    read = checked(ContractFile, read_json(path, exact=True), where=str(path))
    return Contract(
        tariff_class=read.tariff_class,
        voltage=read.voltage,
        option=NO_OPTION if read.option is None else read.option,
        contract_kw=read.contract_kw,
        past_peaks_kw=dict(read.past_peaks_kw),
        fuel_adjustment_krw_per_kwh=read.fuel_adjustment_krw_per_kwh,
        power_factor=read.power_factor,
        excess_noticed=read.excess_noticed,
        deferred=read.deferred,
    )

"""Read the dated reference files (tariffs, prices, holidays) of `infra/`: the one place that does.

Numbers are read as exact decimals, never as binary floats. A file that breaks a rule is BadInput naming the path in it.
"""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel

from shared import yaml_text
from shared.errors import BadInput
from shared.paths import INFRA
from shared.reference.legal import LegalModes
from shared.reference.prices import EmissionBook, EssRules, ForecastSettlementRules, HolidayCalendar, PriceBook
from shared.reference.tariffs import TariffBook, TariffFile
from shared.validation import checked

KOREAN_TARIFF = "kepco_industrial"

Model = TypeVar("Model", bound=BaseModel)


class _ExactLoader(yaml.SafeLoader):
    """YAML with decimals for floats and no silently repeated keys."""


def _exact_number(loader: _ExactLoader, node: yaml.ScalarNode) -> object:
    text = loader.construct_scalar(node)
    try:
        return Decimal(text.replace("_", ""))
    except ArithmeticError:
        return text  # ".inf", ".nan", "1:30.5": the field's own rule refuses it by name


def _unique_mapping(loader: _ExactLoader, node: yaml.MappingNode) -> dict[object, object]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if isinstance(key, dict | list) or key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is repeated", key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _exact_number)
_ExactLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_reference(path: Path, model: type[Model]) -> Model:
    """Read one YAML file of dated figures and check it.

    Raises:
        BadInput: The file is missing, is not YAML, or breaks a rule of `model` (BadInputs where it breaks several).
    """
    try:
        document = yaml_text.parse(path.read_text(encoding="utf-8"), _ExactLoader)
    except OSError as error:
        raise BadInput(where=str(path), field="file", rule="must be readable", value=error.strerror) from None
    except (yaml.YAMLError, ValueError) as error:
        rule = "must be YAML in UTF-8"
        raise BadInput(where=str(path), field="file", rule=rule, value=" ".join(str(error).split())) from None
    return checked(model, document, where=str(path))


@cache
def holidays(country: str = "kr") -> HolidayCalendar:
    """Return the public holidays of a country (`infra/holidays/<country>.yaml`)."""
    return read_reference(INFRA / "holidays" / f"{country}.yaml", HolidayCalendar)


@cache
def ess_rules(country: str = "kr") -> EssRules:
    """Return how far batteries may be charged in a country (`infra/ess/<country>.yaml`)."""
    return read_reference(INFRA / "ess" / f"{country}.yaml", EssRules)


@cache
def forecast_settlement(country: str = "kr") -> ForecastSettlementRules:
    """Return what good forecasts are paid in a country (`infra/forecast_settlement/<country>.yaml`)."""
    return read_reference(INFRA / "forecast_settlement" / f"{country}.yaml", ForecastSettlementRules)


@cache
def emissions(country: str = "kr") -> EmissionBook:
    """Return what energy from a country's grid emits (`infra/emissions/<country>.yaml`)."""
    return read_reference(INFRA / "emissions" / f"{country}.yaml", EmissionBook)


@cache
def legal_modes(country: str = "kr") -> LegalModes:
    """Return the legal forms of trading in a country (`infra/legal/<country>.yaml`)."""
    return read_reference(INFRA / "legal" / f"{country}.yaml", LegalModes)


@cache
def tariff_book(tariff: str | Path = KOREAN_TARIFF) -> TariffBook:
    """Return a tariff with its holidays: by name from `infra/tariffs`, or from any file by its path."""
    path = tariff if isinstance(tariff, Path) else INFRA / "tariffs" / f"{tariff}.yaml"
    read = read_reference(path, TariffFile)
    return TariffBook(tariff=read, calendar=None if read.holidays is None else holidays(read.holidays))


@cache
def sell_back(name: str = "sell_back") -> PriceBook:
    """Return what the grid pays for surplus energy (`infra/tariffs/<name>.yaml`)."""
    return read_reference(INFRA / "tariffs" / f"{name}.yaml", PriceBook)

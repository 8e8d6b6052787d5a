"""An unknown field or id that is like a known one is answered with the known one, wherever it is read."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from cli.csv_table import read_table
from optimizers.ess.case_json import case_from_json
from optimizers.tariff.contract import Contract, check_names
from shared.complex.register_maps import named_register_map
from shared.errors import BadInput, BadInputs, did_you_mean
from shared.paths import INFRA
from shared.reference.load import tariff_book
from shared.validation import checked


class Pump(BaseModel):
    """What a document describes, with a field that the file calls otherwise."""

    model_config = ConfigDict(extra="forbid")

    pressure_bar: float = 1.0
    rated_kw: float = Field(default=1.0, alias="ratedKw")


class Plant(BaseModel):
    """A document with a list of records."""

    model_config = ConfigDict(extra="forbid")

    pumps: tuple[Pump, ...] | None = None
    name: str = ""


def test_nothing_is_meant_by_what_is_like_nothing() -> None:
    assert did_you_mean("colour", ["pressure_bar", "name"]) == ""
    assert did_you_mean("colour", []) == ""
    # The tariff's options are I, II and III.
    assert did_you_mean("IX", ["I", "II", "III"]) == ""


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"nme": "a"}, "$.nme must be a known key, was 'a' (did you mean name?)"),
        (
            {"pumps": [{}, {"presure_bar": 2}]},
            "$.pumps[1].presure_bar must be a known key, was 2 (did you mean pressure_bar?)",
        ),
        # The file's name of a field is its alias.
        ({"pumps": [{"rated_Kw": 2}]}, "$.pumps[0].rated_Kw must be a known key, was 2 (did you mean ratedKw?)"),
        ({"colour": "red"}, "$.colour must be a known key, was 'red'"),
        # What a pump has, the plant itself has not.
        ({"pressure_bar": 2}, "$.pressure_bar must be a known key, was 2"),
    ],
)
def test_unknown_key_of_a_document(document: object, expected: str) -> None:
    with pytest.raises(BadInputs) as refused:
        checked(Plant, document, where="plant.yaml")

    assert str(refused.value) == f"plant.yaml: {expected}"


def test_unknown_column_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("start_utc,energy_kw\n2026-05-01T00:00Z,1\n")

    with pytest.raises(BadInput, match=r"header must be .*, was 'start_utc,energy_kw' \(did you mean energy_kwh\?\)"):
        read_table(path, ("start_utc", "energy_kwh"))


def test_unknown_field_of_a_case() -> None:
    with pytest.raises(BadInput, match=r"\$\.step_minute must be one of .*\(did you mean step_minutes\?\)"):
        case_from_json({"step_minute": 15}, "case.json")


def test_unknown_voltage_of_a_contract() -> None:
    contract = Contract(tariff_class="industrial_eul", voltage="HVA", option="II")

    with pytest.raises(BadInput, match=r"voltage must be one of .*, was 'HVA' \(did you mean HV_A\?\)"):
        check_names(tariff_book(), contract)


def test_unknown_register_map() -> None:
    [known, *_] = sorted(path.stem for path in (INFRA / "register_maps").glob("*.yaml"))

    with pytest.raises(BadInput, match=rf"was '{known}s' \(did you mean {known}\?\)"):
        named_register_map(f"{known}s")

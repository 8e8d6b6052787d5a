"""The grid's emission factors: each year its own, and what stands in for a year without one."""

from decimal import Decimal
from pathlib import Path

import pytest

from shared.errors import BadInputs
from shared.paths import INFRA
from shared.reference.load import emissions, read_reference
from shared.reference.prices import EmissionBook

FILE = INFRA / "emissions" / "kr.yaml"


@pytest.mark.parametrize(
    ("year", "used", "tco2e_per_mwh"),
    [
        (2021, 2021, "0.4509"),
        (2022, 2022, "0.4312"),
        (2023, 2023, "0.4173"),
        # Not published yet: the newest of before; before all of them: the oldest.
        (2026, 2023, "0.4173"),
        (2019, 2021, "0.4509"),
    ],
)
def test_a_year_has_its_own_factor_or_the_newest_before(year: int, used: int, tco2e_per_mwh: str) -> None:
    factor = emissions().factor_for(year)

    assert (factor.year, factor.value) == (used, Decimal(tco2e_per_mwh))


def test_what_is_unknown_stays_unknown() -> None:
    assert emissions().residual_mix is None
    assert [factor.confidence for factor in emissions().factors] == ["medium", "medium", "high"]


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("year: 2022", "year: 2021", "in the order of their years, each once"),
        ("value: 0.4312", "value: 431.2", "$.factors[1].value"),
        ("value: 0.4312", "value: unknown", "$.factors[1].value"),
        ("schema: sandan-emission/1", "schema: sandan-emission/2", "schema"),
    ],
)
def test_a_file_that_breaks_a_rule_is_bad_input(tmp_path: Path, written: str, instead: str, message: str) -> None:
    path = tmp_path / "kr.yaml"
    path.write_text(FILE.read_text(encoding="utf-8").replace(written, instead), encoding="utf-8")

    with pytest.raises(BadInputs) as refused:
        read_reference(path, EmissionBook)

    assert message in str(refused.value)

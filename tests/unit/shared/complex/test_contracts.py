"""What a factory agreed with the grid company, as its complex file says it: all that a bill asks, and from when."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizers.tariff.contract import Contract, contract_of
from optimizers.tariff.site import site_prices
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, load_complex
from shared.errors import BadInputs
from shared.paths import DEMO_COMPLEX
from shared.reference.load import sell_back, tariff_book

FACTORY = "daesung-casting"


def a_complex(path: Path, **contract: Any) -> Complex:
    """Return the demo complex, one factory of which has other terms."""
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    factory = next(one for one in content["participants"] if one["participant_id"] == FACTORY)
    factory["contract"] |= contract
    (path / "complex.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_complex(path / "complex.yaml")


def test_a_file_states_all_terms_of_a_contract(tmp_path: Path) -> None:
    terms = {"deferred": True, "power_factor": True, "fuel_adjustment_krw_per_kwh": -1.5, "excess_noticed": True}

    grid = a_complex(tmp_path, **terms).by_participant[FACTORY].contract

    assert contract_of(grid) == Contract(
        tariff_class="industrial_eul",
        voltage="HV_A",
        option="III",
        contract_kw=Decimal("2500.0"),
        deferred=True,
        power_factor=True,
        fuel_adjustment_krw_per_kwh=Decimal("-1.5"),
        excess_noticed=True,
    )


def test_a_deferred_contract_is_settled_at_the_prices_of_before(tmp_path: Path) -> None:
    # 18 May 2026, 11:15 in Korea: of the peak band before the reform, of the middle one after it.
    starts = [datetime(2026, 5, 18, 2, 15, tzinfo=UTC)]
    now, deferred = (
        site_prices(
            tariff_book(), sell_back(), a_complex(tmp_path, deferred=is_so).by_participant[FACTORY].contract, starts
        )
        for is_so in (False, True)
    )

    assert deferred.import_jeon_per_kwh[0] > now.import_jeon_per_kwh[0]


def test_another_contract_power_holds_from_its_month_on(tmp_path: Path) -> None:
    changes = [{"from": "2026-07-01", "contract_kw": 3000}, {"from": "2026-09-01", "contract_kw": 2000}]
    complexes = Complexes(a_complex(tmp_path, contract_power_changes=changes))

    # Midnight in Korea is 15:00 of the day before.
    instants = [datetime(2026, 6, 30, hour, 59, tzinfo=UTC) for hour in (14, 15)]
    found = [complexes.at("changwon-demo", one) for one in (*instants, datetime(2027, 1, 1, tzinfo=UTC))]

    assert [one.by_participant[FACTORY].contract.contract_kw for one in found] == [2500, 3000, 2000]
    assert [one.by_participant["hanbit-machining"].contract.contract_kw for one in found] == [1000, 1000, 1000]
    assert found[0].by_device.keys() == found[1].by_device.keys()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([{"from": date(2026, 7, 16), "contract_kw": 3000}], "must be the 1st of a month"),
        (
            [{"from": "2026-09-01", "contract_kw": 1}, {"from": "2026-07-01", "contract_kw": 2}],
            "must be in order of `from`",
        ),
        (
            [{"from": "2026-09-01", "contract_kw": 1}, {"from": "2026-09-01", "contract_kw": 2}],
            "must be in order of `from`",
        ),
    ],
)
def test_contract_power_changes_from_the_first_and_the_reason_is_said(
    tmp_path: Path, changes: list[dict[str, object]], rule: str
) -> None:
    with pytest.raises(BadInputs) as refused:
        a_complex(tmp_path, contract_power_changes=changes)

    assert rule in str(refused.value)

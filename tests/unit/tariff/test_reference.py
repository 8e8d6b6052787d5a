"""The dated files say what they should, and files that break a rule are named."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from shared.errors import BadInput, BadInputs
from shared.paths import INFRA
from shared.reference.load import holidays, sell_back, tariff_book
from shared.reference.tariffs import Rate, Version, parse_slots

FLAT = (INFRA / "tariffs" / "example_flat.yaml").read_text(encoding="utf-8")


def version(name: str) -> Version:
    return next(one for one in tariff_book().tariff.versions if one.id == name)


def cells(of: Version, change_jeon: Callable[[str, str], int]) -> dict[tuple[str, str], Rate]:
    """The rates of a version with a change in each energy cell, by season and band."""
    return {
        (voltage, option): rate.model_copy(
            update={
                "energy_jeon_per_kwh": {
                    season: {band: jeon + change_jeon(season, band) for band, jeon in prices.items()}
                    for season, prices in rate.energy_jeon_per_kwh.items()
                }
            }
        )
        for voltage, options in of.rates.items()
        for option, rate in options.items()
    }


def unchanged(_season: str, _band: str) -> int:
    return 0


def test_reform_changes_each_cell_by_the_announced_step() -> None:
    def step(season: str, band: str) -> int:
        # light +5.1; peak -16.9, in spring and fall -13.2; mid as it was.
        return {"light": 510, "mid": 0, "peak": -1_320 if season == "spring_fall" else -1_690}[band]

    assert cells(version("eul_2024-10-24"), step) == cells(version("eul_2026-04-16"), unchanged)


def test_history_of_class_b_is_16_9_lower_in_each_cell() -> None:
    assert cells(version("eul_2023-11-09"), lambda *_: 1_690) == cells(version("eul_2024-10-24"), unchanged)


def test_history_of_class_a_ii_is_8_5_lower_in_each_cell() -> None:
    later = cells(version("gap2_2024-10-24"), unchanged)

    assert cells(version("gap_2024-01-01"), lambda *_: 850).items() <= later.items()


def test_rates_of_class_a_ii_do_not_change_with_its_bands() -> None:
    assert version("gap2_2024-10-24").rates == version("gap2_2026-06-01").rates


def test_holiday_file_knows_temporary_holidays() -> None:
    # 2024-10-01, 2025-01-27 and 2025-06-03 were declared for one time only.
    assert holidays().temporary == {date(2024, 10, 1), date(2025, 1, 27), date(2025, 6, 3)}
    assert date(2026, 5, 25) in holidays().billed


def test_demo_sell_back_price_states_its_assumption() -> None:
    figure = sell_back().figure_on(date(2026, 5, 20))

    assert figure is not None
    assert figure.known is None
    assert "no figure is known" in figure.assumption


@pytest.mark.parametrize(
    ("hours", "first", "end"), [("00:00-24:00", 0, 96), ("08:15-08:30", 33, 34), ("22:00-24:00", 88, 96)]
)
def test_hours_are_read_as_quarter_hours(hours: str, first: int, end: int) -> None:
    assert parse_slots(hours) == range(first, end)


@pytest.mark.parametrize("hours", ["08:00", "08:00-08:00", "09:00-08:00", "08:05-09:00", "00:00-24:15", "a-b", ""])
def test_hours_that_are_none_are_refused(hours: str) -> None:
    with pytest.raises(ValueError, match="hours must"):
        parse_slots(hours)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("flat: 150.25", "flat: 150.255", "at most 2 decimals"),
        ("flat: 150.25", "flat: .nan", "must be a number in KRW"),
        ("flat: 150.25", "flat: 150.25, dawn: 1", "must price each season's bands"),
        ("flat: 150.25", "flat: 1000000.5", "10,000 KRW per kWh"),
        ('flat: ["00:00-24:00"]', 'flat: ["00:00-23:45"]', "quarter hour 95 has no band"),
        ('flat: ["00:00-24:00"]', 'flat: ["00:00-24:00", "03:00-04:00"]', "has the bands flat and flat"),
        ("8, 9, 10, 11, 12]", "8, 9, 10, 11]", "must name each month once"),
        ("    schedule: flat", "    schedule: steep", "unknown [('schedule', 'steep')]"),
        ("sources: [X0]\n    rates", "sources: [X9]\n    rates", "names its sources"),
        ("confidence: high\n    sources", "confidence: certain\n    sources", "$.versions[0].confidence"),
        ("timezone: Asia/Seoul", "timezone: Asia/Soul", "IANA zone"),
        ("currency: KRW", "currency: EUR", "$.currency"),
        ("demand: null", "demands: null", "$.demands"),
        ("value: 10,", "value: unknown,", "needs `assumed`"),
        ("gathered: 2026-11-23", "gathered: 2026-11-23\ngathered: 2026-11-24", "repeated"),
        ("day_rules: []", "day_rules: [{days: [sunday], read_as: {flat: cheap}}]", "leads to a band"),
        ("versions:\n", "versions:\n  - oops: [", "must be YAML"),
        ("fund_percent: []", "fund_percent: 3", "$.fund_percent"),
        (
            "vat_percent:\n",
            "vat_percent:\n  - {from: 2025-01-01, to: null, value: 11, sources: [X0], confidence: high}\n",
            "overlap",
        ),
    ],
)
def test_tariff_file_that_breaks_a_rule_is_bad_input(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "broken.yaml"
    assert FLAT.count(old) == 1
    file.write_text(FLAT.replace(old, new), encoding="utf-8")

    with pytest.raises((BadInput, BadInputs)) as caught:
        tariff_book(file)

    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_missing_tariff_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="must be readable"):
        tariff_book(tmp_path / "none.yaml")

"""Each dated file says until when it is known, and somebody looks at its sources before that day has come."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from shared.clock import wall_now
from shared.intervals import trading_day_of
from shared.paths import INFRA, ROOT
from shared.reference.legal import LegalModes
from shared.reference.load import read_reference
from shared.reference.prices import (
    Dated,
    EmissionBook,
    EssRules,
    ForecastSettlementRules,
    HolidayCalendar,
    PriceBook,
)
from shared.reference.tariffs import TariffFile

NOTICE = timedelta(days=90)
MODELS: dict[str, type[Dated]] = {
    "sandan-emission/1": EmissionBook,
    "sandan-ess/1": EssRules,
    "sandan-forecast-settlement/1": ForecastSettlementRules,
    "sandan-holidays/1": HolidayCalendar,
    "sandan-legal/1": LegalModes,
    "sandan-price/1": PriceBook,
    "sandan-tariff/1": TariffFile,
}
FILES = sorted(path for path in INFRA.rglob("*.yaml") if "\ngathered:" in path.read_text(encoding="utf-8"))


def read(path: Path) -> Dated:
    schema = yaml.safe_load(path.read_text(encoding="utf-8"))["schema"]
    return read_reference(path, MODELS[schema])


def look_again_on(gathered: date, known_until: date) -> date:
    """Return the day by which somebody has to look at a file's sources again.

    That is 90 days before its end. Whoever looks and finds nothing newer has to look again 90 days later, as long as
    no later end is known.
    """
    return max(known_until - NOTICE, gathered + NOTICE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_a_dated_file_is_looked_at_before_its_end(path: Path) -> None:
    file, today = read(path), trading_day_of(wall_now())

    assert today < look_again_on(file.gathered, file.known_until), (
        f"{path.relative_to(ROOT)} is known until {file.known_until} ({file.known_by}), gathered on {file.gathered}. "
        "Look at its sources. What is newer goes beside the old, with its own days and source, and known_until and "
        "known_by follow. Then, or where nothing newer is found, gathered becomes the day on which you looked."
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_a_dated_file_says_until_when_it_is_known_and_how(path: Path) -> None:
    assert read(path).stated_until is not None
    assert read(path).known_by


def test_every_kind_of_dated_file_is_here() -> None:
    assert {yaml.safe_load(path.read_text(encoding="utf-8"))["schema"] for path in FILES} == MODELS.keys()


@pytest.mark.parametrize(
    ("gathered", "known_until", "day"),
    [
        # 90 days before 31 December 2027 is 2 October.
        (date(2026, 11, 23), date(2027, 12, 31), date(2027, 10, 2)),
        # Looked at within the last 90 days before its end: again after 90 days.
        (date(2026, 11, 23), date(2026, 12, 31), date(2027, 2, 21)),
        # Long over, and looked at since.
        (date(2026, 11, 23), date(2023, 12, 31), date(2027, 2, 21)),
    ],
)
def test_the_day_to_look_again_is_90_days_before_the_end_or_after_the_last_look(
    gathered: date, known_until: date, day: date
) -> None:
    assert look_again_on(gathered, known_until) == day


def test_a_file_that_says_nothing_is_known_for_the_year_in_which_it_was_gathered() -> None:
    assert Dated(gathered=date(2026, 3, 1)).known_until == date(2026, 12, 31)

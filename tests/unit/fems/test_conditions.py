from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.simulated.conditions import CloudFront, Conditions, LoadStep
from services.fems.domain.simulated.field import Field, LoadSources
from services.fems.simulator.conditions import (
    FILE_NAME,
    ConditionBook,
    RequestedConditions,
    RequestedFront,
    RequestedStep,
)
from services.fems.simulator.plant import Plant
from services.fems.simulator.request_file import write_requested
from services.fems.simulator.site import SavedSite
from shared.intervals import INTERVAL
from tests.unit.fems.fields import NOW, NOW_NUMBER, a_complex, a_field, a_profile

# 11:30 in Korea, with the sun up.
FRONT = CloudFront(NOW_NUMBER + 6, (0.5, 0.2, 0.5))
STEP = LoadStep("plain", NOW_NUMBER + 6, 2, 400_000)


def a_field_under(conditions: Conditions) -> Field:
    return Field(a_complex(), LoadSources(profiles={"gwangyang-2018": a_profile()}), lambda: conditions)


def test_a_front_takes_light_from_the_roofs_in_its_intervals_alone() -> None:
    clear = a_field().energies(NOW_NUMBER, 12)["sunny"]

    cloudy = a_field_under(Conditions(fronts=(FRONT,))).energies(NOW_NUMBER, 12)["sunny"]

    share = cloudy.pv_wh["roof"] / clear.pv_wh["roof"]
    assert (share[:6] == 1).all()
    assert (share[9:] == 1).all()
    # Behind clouds more of what is left is scattered, and cool modules give more: near the light's share, not at it.
    assert share[6:9] == pytest.approx([0.5, 0.2, 0.5], abs=0.1)
    assert (cloudy.load_wh == clear.load_wh).all()


def test_a_step_is_drawn_on_top_by_its_factory_alone() -> None:
    usual, stepped = a_field(), a_field_under(Conditions(steps=(STEP,)))

    for who, added_wh in (("plain", 100_000), ("sunny", 0)):
        more = stepped.energies(NOW_NUMBER, 12)[who].load_wh - usual.energies(NOW_NUMBER, 12)[who].load_wh
        # 400 kW for a quarter of an hour are 100 kWh.
        assert more.tolist() == [0] * 6 + [added_wh] * 2 + [0] * 4


@given(
    first=st.integers(0, 200),
    count=st.integers(0, 200),
    at=st.integers(0, 200),
    through=st.lists(st.floats(0, 1), min_size=1, max_size=9),
)
def test_an_interval_has_the_same_light_in_whatever_range_it_is_asked_for(
    first: int, count: int, at: int, through: list[float]
) -> None:
    conditions = Conditions(fronts=(CloudFront(at, tuple(through)),), steps=(LoadStep("plain", at, len(through), 4),))

    whole, part = conditions.through(0, 400), conditions.through(first, count)

    assert np.array_equal(part, whole[first : first + count])
    assert np.array_equal(
        conditions.added_wh("plain", first, count), conditions.added_wh("plain", 0, 400)[first : first + count]
    )


def test_a_restart_amid_conditions_finds_the_same_counters() -> None:
    kept: dict[str, SavedSite] = {}
    forgotten: dict[str, SavedSite] = {}
    conditions = Conditions(fronts=(FRONT,), steps=(STEP,))
    steady = Plant(a_field_under(conditions), {}, kept.__setitem__, NOW)
    for step in range(1, 9):
        steady.catch_up(NOW + step * INTERVAL)

    restarted = Plant(a_field_under(conditions), deepcopy(kept), forgotten.__setitem__, NOW + 8 * INTERVAL)

    end = NOW + 10 * INTERVAL
    steady.catch_up(end)
    restarted.catch_up(end)
    for meter_id in ("sunny.grid", "roof", "ess", "plain.grid"):
        assert restarted.read(meter_id, end) == steady.read(meter_id, end)
        assert list(restarted.records(meter_id)) == list(steady.records(meter_id))


def test_what_is_asked_for_later_holds_for_intervals_to_come(tmp_path: Path) -> None:
    book = ConditionBook(tmp_path, "small")
    field = Field(a_complex(), LoadSources(profiles={"gwangyang-2018": a_profile()}), book.conditions)
    clear = field.energies(NOW_NUMBER + 6, 3)["sunny"].pv_wh["roof"]

    ask(tmp_path, RequestedConditions(cloud_fronts=(RequestedFront(begin=NOW + 6 * INTERVAL, through=(0.2,)),)))

    dull = field.energies(NOW_NUMBER + 6, 3)["sunny"].pv_wh["roof"]
    assert dull[0] < clear[0] / 2
    assert (dull[1:] == clear[1:]).all()


def test_a_file_that_breaks_a_rule_leaves_the_field_as_it_was_asked_to_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = ConditionBook(tmp_path, "small")
    step = RequestedStep(participant_id="plain", begin=NOW, end=NOW + INTERVAL, added_kw=400)
    ask(tmp_path, RequestedConditions(load_steps=(step,)))
    asked = book.conditions()
    assert asked.steps == (LoadStep("plain", NOW_NUMBER, 1, 400_000),)

    (tmp_path / "small" / FILE_NAME).write_text('{"cloud_fronts": [{"begin": "2026-05-20T03:07:00Z", "through": [2]}]}')

    assert book.conditions() == asked
    assert "through" in caplog.records[-1].__dict__["reason"]


@pytest.mark.parametrize("fields", [{"begin": datetime(2026, 5, 20, 3, 7, tzinfo=UTC)}, {"end": NOW}])
def test_a_step_lasts_whole_intervals(fields: dict[str, datetime]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        RequestedStep.model_validate({"participant_id": "plain", "begin": NOW, "end": NOW, "added_kw": 1, **fields})


def ask(folder: Path, conditions: RequestedConditions) -> None:
    write_requested(folder / "small" / FILE_NAME, conditions)

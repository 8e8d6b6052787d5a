"""Which scenarios a study has, and what its sites add up to."""

from hypothesis import given
from hypothesis import strategies as st

from services.planner.domain.scenarios import Outcome, Scenario, expand, total

SCALES = st.lists(st.floats(0, 100), max_size=4)


def test_scenarios_are_every_combination_with_the_option_changing_fastest() -> None:
    scenarios = expand((1.0, 2.0), (0.5,), ("as-is", "III"))

    assert scenarios == (
        Scenario(1.0, 0.5, "as-is"),
        Scenario(1.0, 0.5, "III"),
        Scenario(2.0, 0.5, "as-is"),
        Scenario(2.0, 0.5, "III"),
    )


@given(batteries=SCALES, roofs=SCALES, options=st.lists(st.sampled_from(["as-is", "I", "II"]), max_size=3))
def test_number_of_scenarios_is_the_product_of_what_was_asked(
    batteries: list[float], roofs: list[float], options: list[str]
) -> None:
    assert len(expand(batteries, roofs, options)) == len(batteries) * len(roofs) * len(options)


def test_sites_are_summed_scenario_by_scenario() -> None:
    one = (Outcome(1_000, (50, 1), (0, 0)), Outcome(-200, (10, 2), (30, 0)))
    other = (Outcome(500, (25, 3), (5, 4)), Outcome(700, (40, 0), (0, 0)))

    # 1000 + 500; 50 + 25, 1 + 3; 0 + 5, 0 + 4; and -200 + 700; 10 + 40, 2 + 0; 30 + 0, 0 + 0
    both = total([one, other])
    assert both == (Outcome(1_500, (75, 4), (5, 4)), Outcome(500, (50, 2), (30, 0)))
    assert (both[0].grid_import_wh, both[0].grid_export_wh) == (79, 9)

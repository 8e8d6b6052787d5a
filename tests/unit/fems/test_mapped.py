from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.metering.counting import Closed, Flag, Sample, advance, begin
from services.fems.domain.registers.own_map import measured, modulus_of, shown_as
from services.fems.domain.registers.sunspec import NotReadable
from services.fems.gateway.states import live_from_map
from shared.complex.model import load_complex
from shared.complex.register_maps import REGISTER_MAPS, MappedPoint, RegisterMap, load_register_map
from shared.errors import BadInputs
from shared.paths import DEMO_COMPLEX
from tests.unit.fems.fields import NOW
from tests.unit.fems.test_counting import LIMITS


def a_map(kind: str, *, word_order: str = "high_first", factor: str = "1") -> RegisterMap:
    energy = {"address": 10, "kind": kind, "factor": factor}
    points = {"power_w": {"address": 2, "kind": "int16", "factor": 100}, "import_wh": energy}
    return RegisterMap.model_validate({"title": "a map", "word_order": word_order, "points": points})


def test_low_word_first_is_the_reverse_of_high_word_first() -> None:
    # 65,538 = 1 x 65,536 + 2.
    high, low = a_map("uint32"), a_map("uint32", word_order="low_first")

    assert measured(high, high.points.counters[0], {10: 1, 11: 2}) == 65_538
    assert measured(low, low.points.counters[0], {10: 2, 11: 1}) == 65_538


def test_power_below_zero_flows_out_in_the_maps_own_unit() -> None:
    map_ = a_map("uint32")

    assert measured(map_, map_.points.power_w, {2: 65_536 - 7}) == -700


def test_factor_below_one_is_taken_as_it_is_written() -> None:
    map_ = a_map("uint32", factor="0.1")

    assert measured(map_, map_.points.counters[0], {10: 0, 11: 12_345}) == 1_234


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0), (0xBF80, 0)])
def test_float_that_is_no_counter_is_not_readable(words: tuple[int, int]) -> None:
    # Not a number, infinity, and -1.
    map_ = a_map("float32")

    with pytest.raises(NotReadable, match="register 10: must hold"):
        measured(map_, map_.points.counters[0], {10: words[0], 11: words[1]})


@given(
    energy_wh=st.integers(0, 1 << 40),
    kind=st.sampled_from(["uint16", "uint32"]),
    word_order=st.sampled_from(["high_first", "low_first"]),
)
def test_what_a_meter_shows_is_what_is_read_up_to_its_end(energy_wh: int, kind: str, word_order: str) -> None:
    map_ = a_map(kind, word_order=word_order)
    point: MappedPoint = map_.points.counters[0]

    words = shown_as(map_, point, energy_wh)

    assert measured(map_, point, dict(enumerate(words, start=10))) == energy_wh % modulus_of(point)


def test_every_map_of_the_project_can_be_read() -> None:
    names = [load_register_map(path).title for path in sorted(REGISTER_MAPS.glob("*.yaml"))]

    assert names == ["Huawei SUN2000 (example)", "SATEC PM296 (example)"]


def test_map_that_breaks_a_rule_names_its_path(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        "title: x\npoints: {power_w: {address: 70000, kind: int16}, import_wh: {address: 1, kind: int24}}\n"
    )

    with pytest.raises(BadInputs) as found:
        load_register_map(path)

    said = str(found.value)
    assert "$.points.power_w.address must be less than or equal to 65532, was 70000" in said
    assert "$.points.import_wh.kind" in said


def test_map_without_a_counter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("title: x\npoints: {power_w: {address: 7, kind: int16}}\n")

    with pytest.raises(BadInputs, match=r"\$\.points must have import_wh, export_wh or both"):
        load_register_map(path)


def test_unknown_map_in_a_complex_file_names_those_there_are(tmp_path: Path) -> None:
    content = DEMO_COMPLEX.read_text(encoding="utf-8")
    path = tmp_path / "complex.yaml"
    path.write_text(
        content.replace("poll_interval_s: 30}", "poll_interval_s: 30, devices: {hanbit-roof: {register_map: none}}}")
    )

    with pytest.raises(BadInputs, match=r"register_map must be one of \['huawei_sun2000', 'satec_pm296'\], was 'none'"):
        load_complex(path)


def a_map_of_both(import_kind: str, export_kind: str, **of_import: int) -> RegisterMap:
    points = {
        "power_w": {"address": 0, "kind": "int32"},
        "import_wh": {"address": 10, "kind": import_kind, **of_import},
        "export_wh": {"address": 20, "kind": export_kind},
    }
    return RegisterMap.model_validate({"title": "a map", "points": points})


def counted_by(map_: RegisterMap, shown_wh: list[tuple[int, int]], *, import_w: int) -> list[Closed]:
    """Let a meter with this map be polled once a minute, and return the intervals that its counters complete."""
    polled = []
    for minute, (import_wh, export_wh) in enumerate(shown_wh):
        import_point, export_point = map_.points.counters
        words = dict(enumerate(shown_as(map_, map_.points.power_w, import_w)))
        words |= dict(enumerate(shown_as(map_, import_point, import_wh), start=10))
        words |= dict(enumerate(shown_as(map_, export_point, export_wh), start=20))
        live = live_from_map(map_, words)
        assert live.counters is not None
        counters, at = live.counters, NOW + timedelta(minutes=minute)
        sample = Sample(at, counters.import_wh, counters.export_wh, live.import_w, live.export_w)
        polled.append((sample, LIMITS.with_counters(counters.import_range, counters.export_range)))
    count, closed = begin(polled[0][0]), []
    for sample, limits in polled[1:]:
        count, done = advance(count, sample, limits)
        closed += done
    return closed


def test_counters_with_different_ends_both_wrap_at_their_own() -> None:
    # Export has 16 bits and wraps at 65,536 Wh, which comes from 64,900 on in the seventh minute of 100 Wh each.
    shown = [(1_000 * n, 64_900 + 100 * n) for n in range(16)]

    [closed] = counted_by(a_map_of_both("uint32", "uint16"), shown, import_w=60_000)

    assert (closed.import_wh, closed.export_wh, closed.guessed) == (15_000, 1_500, False)
    assert closed.flags == {Flag.COUNTER_WRAP}


def test_float_counter_above_a_billion_is_coarse_and_not_stuck() -> None:
    # Between 2^30 and 2^31 a float of 32 bits goes in steps of 128 Wh. 600 W are 150 Wh in a quarter of an hour.
    start_wh, map_ = 1_200_000_000, a_map_of_both("float32", "float32", modulus=1 << 31)
    shown = [(start_wh + 10 * n, 0) for n in range(31)]

    closed = counted_by(map_, shown, import_w=600)

    assert [one.flags for one in closed] == [frozenset(), frozenset()]
    assert sum(one.import_wh for one in closed) == 256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.registers.sunspec import (
    READ_REGISTERS_MAX,
    NotReadable,
    Point,
    addresses,
    decode,
    encode,
    model,
    rescaled,
    scaled,
    spans,
)
from services.fems.domain.registers.vendor_models import DISPATCH_MODEL, PROFILE_MODEL


def a_point(kind: str, size: int) -> Point:
    return Point("X", kind, 0, size, None)


def test_models_have_the_lengths_that_sunspec_gives_them() -> None:
    # From the SunSpec specification: 1 has 66 registers, 103 has 50, 123 24, 124 24, 203 105, 802 62.
    assert [model(number).length for number in (1, 103, 123, 124, 203, 802)] == [66, 50, 24, 24, 105, 62]
    # Model 704 has 57 registers of its own points, and four groups of two behind them.
    assert model(704).length == 57 + 4 * 2


def test_vendor_models_have_their_written_lengths() -> None:
    # 6 registers and 672 records of 6; 16 registers and 8 entries of 8.
    assert model(PROFILE_MODEL).length == 6 + 672 * 6
    assert model(DISPATCH_MODEL).length == 16 + 8 * 8


def test_map_places_models_one_behind_the_other() -> None:
    found, end = addresses((1, 203))

    # "SunS" takes 40000 and 40001; model 1 takes 2 + 66 registers, model 203 2 + 105.
    assert found == {1: 40_002, 203: 40_070}
    assert end == 40_177


@given(number=st.integers(min_value=-(2**31) + 1, max_value=2**31 - 1))
def test_signed_number_comes_back(number: int) -> None:
    point = a_point("int32", 2)

    assert decode(point, encode(point, number)) == number


@given(number=st.integers(min_value=0, max_value=2**40))
def test_counter_wraps_at_32_bits(number: int) -> None:
    point = a_point("acc32", 2)

    assert decode(point, encode(point, number)) == number % 2**32


def test_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"X \(int16\) must hold its number, was 32768"):
        encode(a_point("int16", 1), 32_768)


@pytest.mark.parametrize(("kind", "words"), [("int16", [0x8000]), ("uint16", [0xFFFF]), ("sunssf", [0x8000])])
def test_register_marked_unimplemented_is_no_number(kind: str, words: list[int]) -> None:
    with pytest.raises(NotReadable, match="X: not implemented"):
        decode(a_point(kind, 1), words)


def test_half_an_answer_is_no_number() -> None:
    with pytest.raises(NotReadable, match="needs 2 registers, got 1"):
        decode(a_point("uint32", 2), [1])


def test_scale_factor_beyond_sunspec_is_refused() -> None:
    with pytest.raises(NotReadable, match=r"must be in \[-10, 10\], was 77"):
        scaled(1, 77)


def test_scale_factors_move_the_point() -> None:
    assert (scaled(123, 2), scaled(123, -2)) == (12_300.0, 1.23)


def test_rescaled_counters_are_exact_beyond_what_floats_are() -> None:
    # A float has 53 bits.
    assert rescaled((1 << 63) + 1, 0) == 9_223_372_036_854_775_809
    assert rescaled((1 << 62) + 1, 1) == 46_116_860_184_273_879_050
    assert (rescaled(1_234, -2), rescaled(1_250, -2), rescaled(1_249, -2)) == (12, 13, 12)
    with pytest.raises(NotReadable, match="scale factor"):
        rescaled(1, 11)


@given(places=st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 4)), max_size=30))
def test_reads_cover_every_point_whole_within_the_limit(places: list[tuple[int, int]]) -> None:
    reads = list(spans(places))

    assert all(count <= READ_REGISTERS_MAX for _, count in reads)
    for address, size in places:
        assert any(first <= address and address + size <= first + count for first, count in reads)

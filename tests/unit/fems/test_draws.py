import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.simulated.draws import seed_of, smooth, uniform, words


def test_words_are_those_that_splitmix64_is_published_with() -> None:
    # Seed 1234567, as on Rosetta Code, "Pseudo-random numbers/Splitmix64".
    assert words(1_234_567, np.arange(5)).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_uniform_is_the_words_first_53_bits_as_a_fraction() -> None:
    # 6457827717110365317 / 2^64 = 0.350079...
    assert uniform(1_234_567, np.arange(1)).tolist() == [(6457827717110365317 >> 11) / 2**53]


def test_several_seeds_have_a_row_each() -> None:
    together = uniform([7, 8], np.arange(3))

    np.testing.assert_array_equal(together, [uniform(7, np.arange(3)), uniform(8, np.arange(3))])


@given(first=st.integers(0, 10**7), count=st.integers(1, 300), every=st.integers(1, 50), skipped=st.integers(0, 299))
def test_smooth_course_is_the_same_wherever_it_is_asked_from(first: int, count: int, every: int, skipped: int) -> None:
    at = np.arange(first, first + count)
    later = at[min(skipped, count - 1) :]

    found = smooth(seed_of("wind"), at, every=every)

    np.testing.assert_array_equal(smooth(seed_of("wind"), later, every=every), found[-len(later) :])
    assert found.min() >= 0
    assert found.max() < 1

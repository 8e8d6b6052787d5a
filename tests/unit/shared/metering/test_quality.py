import itertools

from shared.events.fems import Quality


def test_a_guess_takes_only_the_place_of_a_guess() -> None:
    refused = {
        (known.value, newer.value)
        for known, newer in itertools.product(Quality, repeat=2)
        if not newer.may_replace(known)
    }

    assert refused == {
        ("measured", "estimated"),
        ("measured", "missing"),
        ("edited", "estimated"),
        ("edited", "missing"),
    }

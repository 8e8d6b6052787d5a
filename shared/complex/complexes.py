"""The complexes that a deployment serves, and what holds in each."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from shared.complex.model import Complex, load_complex
from shared.errors import BadInput
from shared.intervals import trading_day_of


class Complexes(Mapping[str, Complex]):
    """The complexes that a deployment serves, by id.

    What holds in one at an instant is asked with `at`, and nowhere else. As a mapping it tells which complexes there
    are, and what a process starts with.
    """

    def __init__(self, *complexes: Complex) -> None:
        self._by_id = {complex_.complex_id: complex_ for complex_ in complexes}
        if len(self._by_id) < len(complexes):
            raise ValueError(f"complexes: an id must occur once, are {[complex_.complex_id for complex_ in complexes]}")
        # By id: the days from which something else holds, and what holds before the first, from it on, and so forth.
        self._days = {complex_.complex_id: complex_.change_days for complex_ in complexes}
        self._dated = {
            complex_.complex_id: (complex_, *map(complex_.on, complex_.change_days)) for complex_ in complexes
        }

    def at(self, complex_id: str, instant: datetime) -> Complex:
        """Return what holds in a complex at an aware instant: who takes part, with which contract and devices.

        Raises:
            KeyError: The deployment does not serve the complex.
        """
        if instant.tzinfo is None:
            raise ValueError(f"complex {complex_id}: the instant must be aware, was {instant}")
        days = self._days[complex_id]
        return self._dated[complex_id][bisect_right(days, trading_day_of(instant)) if days else 0]

    def __getitem__(self, complex_id: str) -> Complex:
        return self._by_id[complex_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)


def load_complexes(paths: Iterable[Path]) -> Complexes:
    """Read the complex files of a deployment."""
    found: dict[str, Complex] = {}
    for path in paths:
        loaded = load_complex(path)
        if loaded.complex_id in found:
            raise BadInput(
                where=str(path), field="$.complex_id", rule="must be unique in the deployment", value=loaded.complex_id
            )
        found[loaded.complex_id] = loaded
    if not found:
        raise BadInput(where="environment", field="SANDAN_COMPLEXES", rule="must name a complex file", value="[]")
    return Complexes(*found.values())

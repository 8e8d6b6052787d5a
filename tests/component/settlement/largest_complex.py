"""The largest complex that the rules of its file allow: as many of each as may be, with the longest names."""

from typing import Any

import yaml

from shared.complex.field_network import UNIT_ID_MAX
from shared.complex.model import FEEDERS_MAX, PARTICIPANTS_MAX, Complex
from shared.paths import DEMO_COMPLEX

NAME_LENGTH, DEVICE_NAME_LENGTH = 64, 100
KW_MAX = 1e7
COMPLEX_ID = "c" * NAME_LENGTH
FIRST_PORT = 20_000


def participant_id(number: int) -> str:
    """Return the id of the number-th participant."""
    return f"{number:0{NAME_LENGTH}}"


def feeder_id(number: int) -> str:
    """Return the id of the number-th feeder."""
    return f"{number:0{DEVICE_NAME_LENGTH}}"


def device_id(letter: str, number: int) -> str:
    """Return the id of the number-th roof (r), battery (b) or feeder's meter (m)."""
    return f"{letter}{number:0{DEVICE_NAME_LENGTH - 1}}"


def the_largest_complex() -> Complex:
    """Return it, checked as a file is."""
    return Complex.model_validate(a_file(participants=PARTICIPANTS_MAX, feeders=FEEDERS_MAX))


def a_file(*, participants: int, feeders: int) -> dict[str, Any]:
    """Return a file's content: each factory has a roof and a battery, each feeder a meter and a fee."""
    content: dict[str, Any] = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    content["complex_id"] = COMPLEX_ID
    content["market"] |= {"order_quantity_kwh_max": 1e9, "price_krw_per_kwh_max": 100_000}
    content["feeders"] = [_feeder(number) for number in range(feeders)]
    content["participants"] = [_participant(number, content["participants"][0]) for number in range(participants)]
    content["field_network"]["devices"] = {
        name: {"port": FIRST_PORT + place // UNIT_ID_MAX, "unit_id": 1 + place % UNIT_ID_MAX}
        for place, name in enumerate(_devices(participants, feeders))
    }
    return content


def _devices(participants: int, feeders: int) -> list[str]:
    meters = [f"{participant_id(number)}.grid" for number in range(participants)]
    roofs_and_batteries = [device_id(letter, number) for letter in "rb" for number in range(participants)]
    return [*meters, *roofs_and_batteries, *(device_id("m", number) for number in range(feeders))]


def _feeder(number: int) -> dict[str, Any]:
    return {
        "feeder_id": feeder_id(number),
        "wheeling_fee_krw_per_kwh": 1.5,
        "meter": {"meter_id": device_id("m", number)},
    }


def _participant(number: int, demo: dict[str, Any]) -> dict[str, Any]:
    roof = {**demo["pv"][0], "site_id": device_id("r", number), "capacity_kw_ac": KW_MAX, "capacity_kw_dc": KW_MAX}
    powers = {"capacity_kwh": KW_MAX, "charge_kw_max": KW_MAX, "discharge_kw_max": KW_MAX}
    return {
        **demo,
        "participant_id": participant_id(number),
        "feeder_id": feeder_id(number % FEEDERS_MAX),
        "contract": {**demo["contract"], "contract_kw": KW_MAX},
        "load": {**demo["load"], "mean_kw": KW_MAX},
        "pv": [roof],
        "ess": [{**demo["ess"][0], "device_id": device_id("b", number), **powers}],
    }

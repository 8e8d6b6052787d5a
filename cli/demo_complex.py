"""The demo's complex with as many factories as asked for: the twelve, the measured one, variations of the twelve."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from services.fems.domain.simulated.draws import fraction
from services.fems.simulator.load_sources import read_plants
from shared.paths import DEMO_COMPLEX
from shared.reference.prices import Record
from shared.validation import checked

GROWTH = DEMO_COMPLEX.with_name("growth.yaml")
# Below 300 kW of contract power another tariff would hold; figures of made-up factories are round.
CONTRACT_KW_MIN, ROUND_KW = 300, 10
ROUND_FEEDER_KW = 100
# A roof of a variation looks up to so much elsewhere, and its owner bids up to so much else.
AZIMUTH_SPREAD_DEG, SHARE_SPREAD = 20, 0.05
# What of a factory grows with its size.
SIZES = (
    "contract_kw",
    "mean_kw",
    "capacity_kw_ac",
    "capacity_kw_dc",
    "capacity_kwh",
    "charge_kw_max",
    "discharge_kw_max",
)

Json = dict[str, Any]


class Syllable(Record):
    """A part of a factory's name."""

    ko: str
    id: Annotated[str, Field(pattern=r"^[a-z]+$")]


class Syllables(Record):
    """What names are put together from."""

    first: tuple[Syllable, ...]
    second: tuple[Syllable, ...]


class FeederGrowth(Record):
    """Feeders of factories beyond the twelve."""

    factories: Annotated[int, Field(ge=1)]
    import_of_contracts: Annotated[float, Field(gt=0, le=1)]
    export_of_contracts: Annotated[float, Field(gt=0, le=1)]
    wheeling_fee_krw_per_kwh: Annotated[float, Field(ge=0)]
    loss: Annotated[float, Field(ge=0, le=0.2)]


class Growth(Record):
    """How the demo's complex grows."""

    schema_name: Literal["sandan-growth/1"] = Field(alias="schema")
    measured: Json
    size: tuple[float, float]
    names: Syllables
    feeders: FeederGrowth


def demo_complex(factories: int) -> Json:
    """Return the content of a complex file with the demo's first so many factories, and the feeders that they need."""
    content: Json = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    growth = checked(Growth, yaml.safe_load(GROWTH.read_text(encoding="utf-8")), where=str(GROWTH))
    twelve: list[Json] = content["participants"]
    more = [growth.measured, *(_variation(twelve, growth, number) for number in range(factories - len(twelve) - 1))]
    added: list[Json] = []
    for place, factory in enumerate(more[: max(factories - len(twelve), 0)]):
        feeder_id = f"F{len(content['feeders']) + 1 + place // growth.feeders.factories}"
        added.append({**factory, "feeder_id": feeder_id})
    content["participants"] = [*twelve[:factories], *added]
    contracts_kw: dict[str, list[float]] = {}
    for factory in added:
        contracts_kw.setdefault(factory["feeder_id"], []).append(factory["contract"]["contract_kw"])
    content["feeders"] += [_feeder(name, behind_kw, growth.feeders) for name, behind_kw in contracts_kw.items()]
    return content


def _variation(twelve: Sequence[Json], growth: Growth, number: int) -> Json:
    """Return the number-th factory (from 0) that is a variation of one of the twelve."""
    place, turn = number % len(twelve), number // len(twelve)
    template, plant = twelve[place], read_plants().plants[twelve[place]["load"]["plant"]]
    # A step that has no divisor in common with the number of pairs meets each pair once.
    names = growth.names
    first, second = divmod((8 * place + 37 * turn) % (len(names.first) * len(names.second)), len(names.second))
    one, other = names.first[first], names.second[second]
    made: Json = {
        **template,
        "participant_id": f"{one.id}{other.id}-{plant.suffix}",
        "name": {
            "ko": f"{one.ko}{other.ko}{plant.company.ko}",
            "en": f"{one.id.capitalize()}{other.id} {plant.company.en}",
        },
    }
    return _resized(made, growth, number)


def _resized(factory: Json, growth: Growth, number: int) -> Json:
    """Return a factory of a size and a roof of its own, whose owner bids otherwise."""
    owner = factory["participant_id"]
    low, high = growth.size
    factor = low + (high - low) * fraction(owner, "size")
    contract = _grown(factory["contract"], factor)
    contract["contract_kw"] = max(contract["contract_kw"], CONTRACT_KW_MIN)
    turned_deg = round(AZIMUTH_SPREAD_DEG * (2 * fraction(owner, "azimuth") - 1))
    bidding = dict(factory["bidding"])
    for name in ("buy_share", "sell_share"):
        bidding[name] = round(min(max(bidding[name] + SHARE_SPREAD * (2 * fraction(owner, name) - 1), 0), 1), 2)
    return {
        **factory,
        "contract": contract,
        "bidding": bidding,
        "load": _grown(factory["load"], factor) | {"seed": number},
        "pv": [
            _grown(one, factor) | {"site_id": f"{owner}-roof", "azimuth_deg": one["azimuth_deg"] + turned_deg}
            for one in factory.get("pv", [])
        ],
        "ess": [_grown(one, factor) | {"device_id": f"{owner}-ess"} for one in factory.get("ess", [])],
    }


def _grown(record: Mapping[str, Any], factor: float) -> Json:
    """Return a record whose sizes are so many times as large, in round figures."""
    sizes = {name: max(round(record[name] * factor / ROUND_KW), 1) * ROUND_KW for name in SIZES if name in record}
    return {**record, **sizes}


def _feeder(feeder_id: str, contracts_kw: Sequence[float], growth: FeederGrowth) -> Json:
    """Return the feeder of factories with these contract powers."""
    least = max(contracts_kw)
    import_kw, export_kw = (
        math.ceil(max(share * sum(contracts_kw), share / growth.import_of_contracts * least) / ROUND_FEEDER_KW)
        * ROUND_FEEDER_KW
        for share in (growth.import_of_contracts, growth.export_of_contracts)
    )
    return {
        "feeder_id": feeder_id,
        "import_limit_kw": import_kw,
        "export_limit_kw": export_kw,
        "wheeling_fee_krw_per_kwh": growth.wheeling_fee_krw_per_kwh,
        "meter": {"meter_id": f"{feeder_id}.head", "loss": growth.loss},
    }

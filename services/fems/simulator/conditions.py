"""Clouds and load on request: a JSON file beside the batteries' memory, read again whenever it changes.

{"cloud_fronts": [{"begin": "2026-05-20T03:00:00Z", "through": [0.5, 0.2, 0.5]}],
 "load_steps": [{"participant_id": "taeyang-motors", "begin": "...", "end": "...", "added_kw": 500}]}

What was asked for stays in the file: counters follow from it. So a condition has to begin in an interval to come.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.conditions import CloudFront, Conditions, LoadStep
from services.fems.simulator.request_file import RequestFile
from shared.events.base import Identifier, Instant
from shared.intervals import is_delivery_start
from shared.units import WH_PER_KWH

FILE_NAME = "conditions.json"

Part = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Requested(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestedFront(_Requested):
    """Clouds over all roofs from `begin` on, that let `through` of the light come, by interval."""

    begin: Instant
    through: Annotated[tuple[Part, ...], Field(min_length=1, max_length=96)]

    @model_validator(mode="after")
    def _begins_an_interval(self) -> "RequestedFront":
        _require_start("begin", self.begin)
        return self


class RequestedStep(_Requested):
    """What a factory draws on top of its own load over [begin, end)."""

    participant_id: Identifier
    begin: Instant
    end: Instant
    added_kw: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _lasts_intervals(self) -> "RequestedStep":
        _require_start("begin", self.begin)
        _require_start("end", self.end)
        if self.end <= self.begin:
            raise ValueError("end must be after begin")
        return self


class RequestedConditions(_Requested):
    """The file."""

    cloud_fronts: tuple[RequestedFront, ...] = ()
    load_steps: tuple[RequestedStep, ...] = ()


class ConditionBook:
    """What one complex is asked to go through."""

    def __init__(self, folder: Path, complex_id: str) -> None:
        self._asked = RequestFile(folder / complex_id / FILE_NAME, RequestedConditions, _conditions_of)

    def conditions(self) -> Conditions:
        """Return what the file says; what it said before, where it can't be read."""
        return self._asked.newest()


def _require_start(name: str, instant: Instant) -> None:
    """Refuse an instant at which no interval begins."""
    if not is_delivery_start(instant):
        raise ValueError(f"{name} must be the start of a quarter hour")


def _conditions_of(requested: RequestedConditions) -> Conditions:
    return Conditions(
        fronts=tuple(CloudFront(number_of(one.begin), one.through) for one in requested.cloud_fronts),
        steps=tuple(
            LoadStep(
                participant_id=one.participant_id,
                first=number_of(one.begin),
                count=number_of(one.end) - number_of(one.begin),
                added_w=round(one.added_kw * WH_PER_KWH),
            )
            for one in requested.load_steps
        ),
    )

"""Faults on request: a JSON file beside the batteries' memory, read again whenever it changes.

{"faults": [{"device_id": "hanbit-roof", "kind": "silent", "since": "2026-05-20T01:00:00Z", "until": null}]}
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.fems.domain.simulated.faults import AMOUNTS, Fault, FaultKind
from services.fems.simulator.request_file import RequestFile
from shared.events.base import Identifier, Instant

FILE_NAME = "faults.json"


class RequestedFault(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_id: Identifier
    kind: FaultKind
    since: Instant
    until: Instant | None = None
    amount: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] | None = None


class RequestedFaults(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faults: tuple[RequestedFault, ...] = ()


class FaultBook:
    """The faults that one complex's devices were asked to have."""

    def __init__(self, folder: Path, complex_id: str) -> None:
        self._asked = RequestFile(folder / complex_id / FILE_NAME, RequestedFaults, _faults_of)

    def faults(self) -> tuple[Fault, ...]:
        """Return what the file says; what it said before, where it can't be read."""
        return self._asked.newest()


def fault_of(requested: RequestedFault) -> Fault:
    """Return an entry as the devices need it."""
    amount = AMOUNTS.get(requested.kind, 0) if requested.amount is None else requested.amount
    return Fault(requested.device_id, requested.kind, requested.since, requested.until, amount)


def _faults_of(requested: RequestedFaults) -> tuple[Fault, ...]:
    return tuple(fault_of(one) for one in requested.faults)

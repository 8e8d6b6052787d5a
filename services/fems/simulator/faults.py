"""Faults on request: a JSON file beside the batteries' memory, read again whenever it changes.

{"faults": [{"device_id": "hanbit-roof", "kind": "silent", "since": "2026-05-20T01:00:00Z", "until": null}]}
"""

import logging
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.fems.domain.simulated.faults import AMOUNTS, Fault, FaultKind
from shared import strict_json
from shared.errors import BadInput, BadInputs
from shared.events.base import Identifier, Instant
from shared.files import read_file
from shared.validation import checked

logger = logging.getLogger(__name__)

FILE_NAME = "faults.json"
BYTES_MAX = 1_000_000


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

    faults: tuple[RequestedFault, ...]


class FaultBook:
    """The faults that one complex's devices were asked to have."""

    def __init__(self, folder: Path, complex_id: str) -> None:
        self._path = folder / complex_id / FILE_NAME
        self._stamp_ns = 0
        self._faults: tuple[Fault, ...] = ()
        self.faults()

    def faults(self) -> tuple[Fault, ...]:
        """Return what the file says; what it said before, where it can't be read."""
        stamp_ns = self._changed_ns()
        if stamp_ns != self._stamp_ns:
            try:
                self._read_again(stamp_ns)
            except (BadInput, BadInputs) as error:
                logger.error("faults stay as they were", extra={"reason": str(error)})  # noqa: TRY400 -- it is whole
        return self._faults

    def _changed_ns(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def _read_again(self, stamp_ns: int) -> None:
        self._stamp_ns = stamp_ns
        self._faults = tuple(fault_of(one) for one in read_faults(self._path).faults) if stamp_ns else ()


def read_faults(path: Path) -> RequestedFaults:
    """Read a file of faults; none where there is no file.

    Raises:
        BadInput: It is no file, or no JSON.
        BadInputs: It breaks rules.
    """
    try:
        content = strict_json.parse(read_file(path, bytes_max=BYTES_MAX), where=str(path), exact=False)
    except FileNotFoundError:
        return RequestedFaults(faults=())
    return checked(RequestedFaults, content, where=str(path))


def write_faults(path: Path, requested: RequestedFaults) -> None:
    """Write a file of faults in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(requested.model_dump_json(indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def fault_of(requested: RequestedFault) -> Fault:
    """Return an entry as the devices need it."""
    amount = AMOUNTS.get(requested.kind, 0) if requested.amount is None else requested.amount
    return Fault(requested.device_id, requested.kind, requested.since, requested.until, amount)

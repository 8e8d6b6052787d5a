"""Which devices are worth asking again already: a silent one is asked less and less often."""

from services.fems.gateway.connection import NoConnection
from shared.clock import monotonic_s

WAIT_S_MIN, WAIT_S_MAX = 0.5, 10.0


class Patience:
    """Waits by device, in wall time, doubling from fault to fault.

    Attributes:
        reasons: The last fault of each device that has not answered since.
    """

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self._waits: dict[str, tuple[float, float]] = {}

    def is_due(self, device_id: str) -> bool:
        """Say whether a device may be asked now."""
        return device_id not in self._waits or monotonic_s() >= self._waits[device_id][0]

    def answered(self, device_id: str) -> bool:
        """Note an answer; True where it ends a silence."""
        self.reasons.pop(device_id, None)
        return self._waits.pop(device_id, None) is not None

    def failed(self, device_id: str, fault: Exception) -> bool:
        """Note a fault; True where it begins a silence of this device, and not of the whole network."""
        self.reasons[device_id] = str(fault)
        if isinstance(fault, NoConnection):
            return False
        before = self._waits.get(device_id)
        wait_s = WAIT_S_MIN if before is None else min(2 * before[1], WAIT_S_MAX)
        self._waits[device_id] = (monotonic_s() + wait_s, wait_s)
        return before is None

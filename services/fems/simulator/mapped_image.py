"""The registers of a simulated meter or inverter that has a map of its own instead of SunSpec models."""

from services.fems.domain.registers.own_map import modulus_of, points_in, shown_as
from services.fems.simulator.site import MeterState
from shared.complex.register_maps import RegisterMap


class MappedImage:
    """One device's registers from `base` on; between the points there is nothing but zeros."""

    def __init__(self, map_: RegisterMap) -> None:
        self._map = map_
        points = points_in(map_)
        self.base = min(point.address for point in points)
        self.initial = [0] * (max(point.address + point.size for point in points) - self.base)

    @property
    def counter_end_wh(self) -> int:
        """Return where the energy counters begin again at 0."""
        counter = self._map.points.counters[0]
        return round(modulus_of(counter) * counter.factor)

    def put_reading(self, registers: list[int], reading: MeterState) -> None:
        """Write what the meter measures now."""
        points = self._map.points
        import_w = reading.import_w - reading.export_w
        told = [
            (points.power_w, import_w if self._map.positive == "import" else -import_w),
            (points.import_wh, reading.import_wh),
            (points.export_wh, reading.export_wh),
        ]
        for point, amount in told:
            if point is None:
                continue
            at = point.address - self.base
            registers[at : at + point.size] = shown_as(self._map, point, amount)

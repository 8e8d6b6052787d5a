"""Coding and decoding of registers by a meter's own map."""

import math
import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction

from services.fems.domain.registers.sunspec import NotReadable
from shared.complex.register_maps import MappedPoint, RegisterMap

_FORMATS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}
_FLOATS = ("float32", "float64")
# A float of 32 bits counts whole numbers exactly up to here.
FLOAT32_BITS = 24
FLOAT32_WHOLE_MAX = 1 << FLOAT32_BITS
FLOAT64_WHOLE_MAX = 1 << 53


def points_in(map_: RegisterMap) -> tuple[MappedPoint, ...]:
    """Return what there is to read."""
    return (map_.points.power_w, *map_.points.counters)


def modulus_of(point: MappedPoint) -> int:
    """Return where a counter begins again at 0, in its own numbers."""
    if point.modulus is not None:
        return point.modulus
    return {"float32": FLOAT32_WHOLE_MAX, "float64": FLOAT64_WHOLE_MAX}.get(point.kind, 1 << (16 * point.size))


def resolution_wh(point: MappedPoint, energy_wh: int) -> int:
    """Return a counter's smallest step where it stands: a float's grow with what it shows."""
    number = Fraction(energy_wh) / Fraction(point.factor)
    return max(1, round((float32_step(number) if point.kind == "float32" else 1) * point.factor))


def float32_step(number: Fraction) -> int:
    """Return the smallest whole step of a float of 32 bits where it stands."""
    return 1 << max(int(number).bit_length() - FLOAT32_BITS, 0)


def measured(map_: RegisterMap, point: MappedPoint, registers: Mapping[int, int]) -> int:
    """Return a point as whole W or Wh, from registers by address.

    Raises:
        NotReadable: It is no finite number, or a counter below 0.
    """
    words = [registers[point.address + place] for place in range(point.size)]
    content = struct.pack(f">{point.size}H", *(reversed(words) if map_.word_order == "low_first" else words))
    number = struct.unpack(_FORMATS[point.kind], content)[0]
    if not math.isfinite(number):
        raise NotReadable(f"register {point.address}: must hold a finite number, was {number}")
    if point == map_.points.power_w and content in _marks(point):
        raise NotReadable(
            f"register {point.address}: must hold a number, held 0x{content.hex()}, which stands for none"
        )
    if number < 0 and point != map_.points.power_w:
        raise NotReadable(f"register {point.address}: must hold a counter >= 0, was {number}")
    return round(Fraction(number) * Fraction(point.factor))


def _marks(point: MappedPoint) -> tuple[bytes, ...]:
    """Return the contents that say "no number": the ends of signed ones, all bits set in others."""
    if point.kind in _FLOATS:
        return ()
    bits = 16 * point.size
    if point.kind.startswith("u"):
        return (b"\xff" * (bits // 8),)
    return ((1 << (bits - 1)).to_bytes(bits // 8), ((1 << (bits - 1)) - 1).to_bytes(bits // 8))


def shown_as(map_: RegisterMap, point: MappedPoint, amount: int) -> Sequence[int]:
    """Return the registers in which a meter shows so many W or Wh; counters begin again at their end."""
    number = Fraction(amount) / Fraction(point.factor)
    if point != map_.points.power_w:
        number = Fraction(math.floor(number) % modulus_of(point))
    content = struct.pack(_FORMATS[point.kind], float(number) if point.kind in _FLOATS else round(number))
    words = struct.unpack(f">{point.size}H", content)
    return words[::-1] if map_.word_order == "low_first" else words

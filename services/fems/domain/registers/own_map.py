"""Coding and decoding of registers by a meter's own map."""

import math
import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction

from services.fems.domain.registers.sunspec import NotReadable
from shared.complex.register_maps import MappedPoint, RegisterMap

_FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
# A float of 32 bits counts whole numbers exactly up to here.
FLOAT32_BITS = 24
FLOAT32_WHOLE_MAX = 1 << FLOAT32_BITS


def points_in(map_: RegisterMap) -> tuple[MappedPoint, ...]:
    """Return what there is to read."""
    return (map_.points.power_w, *map_.points.counters)


def modulus_of(point: MappedPoint) -> int:
    """Return where a counter begins again at 0, in its own numbers."""
    if point.modulus is not None:
        return point.modulus
    return FLOAT32_WHOLE_MAX if point.kind == "float32" else 1 << (16 * point.size)


def resolution_wh(point: MappedPoint, energy_wh: int) -> int:
    """Return a counter's smallest step where it stands: a float's grow with what it shows."""
    number = Fraction(energy_wh) / Fraction(point.factor)
    steps = max(1, 1 << max(int(number).bit_length() - FLOAT32_BITS, 0)) if point.kind == "float32" else 1
    return max(1, round(steps * point.factor))


def measured(map_: RegisterMap, point: MappedPoint, registers: Mapping[int, int]) -> int:
    """Return a point as whole W or Wh, from registers by address.

    Raises:
        NotReadable: It is no finite number, or a counter below 0.
    """
    words = [registers[point.address + place] for place in range(point.size)]
    content = struct.pack(f">{point.size}H", *(reversed(words) if map_.word_order == "low_first" else words))
    number = float(struct.unpack(_FORMATS[point.kind], content)[0])
    if not math.isfinite(number):
        raise NotReadable(f"register {point.address}: must hold a finite number, was {number}")
    if number < 0 and point != map_.points.power_w:
        raise NotReadable(f"register {point.address}: must hold a counter >= 0, was {number}")
    return round(Fraction(number) * Fraction(point.factor))


def shown_as(map_: RegisterMap, point: MappedPoint, amount: int) -> Sequence[int]:
    """Return the registers in which a meter shows so many W or Wh; counters begin again at their end."""
    number = Fraction(amount) / Fraction(point.factor)
    if point != map_.points.power_w:
        number = Fraction(math.floor(number) % modulus_of(point))
    content = struct.pack(_FORMATS[point.kind], float(number) if point.kind == "float32" else round(number))
    words = struct.unpack(f">{point.size}H", content)
    return words[::-1] if map_.word_order == "low_first" else words

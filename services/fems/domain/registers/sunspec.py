"""The register map: SunSpec models by pysunspec2's definitions, ours by `vendor_models`; coding and decoding of points.

A device's map starts at 40000 with "SunS", then model after model (id, length, points), then the end model.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

from sunspec2 import mb
from sunspec2.device import get_model_def
from sunspec2.mdef import ModelDefinitionError

from services.fems.domain.registers.vendor_models import DEFINITIONS

BASE = 40_000
# Where a device's map may begin: SunSpec names these three.
BASES = (BASE, 50_000, 0)
MARKER = (0x5375, 0x6E53)  # "SunS"
END_MODEL = 0xFFFF
HEADER_REGISTERS = 2
READ_REGISTERS_MAX = 125
COMMON_MODEL = 1

_FORMATS = {
    "int16": ">h",
    "sunssf": ">h",
    "uint16": ">H",
    "enum16": ">H",
    "bitfield16": ">H",
    "pad": ">H",
    "count": ">H",
    "acc16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "acc32": ">I",
    "enum32": ">I",
    "bitfield32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "acc64": ">Q",
    "bitfield64": ">Q",
}
_FLOATS = {"float32": ">f", "float64": ">d"}
_WRAPPING = ("acc16", "acc32", "acc64")


class NotReadable(Exception):  # noqa: N818 -- it says what the registers are
    """Registers that hold no number: marked unimplemented, or scaled by nonsense."""

    kind = "not_readable"


@dataclass(frozen=True, slots=True)
class Point:
    """One quantity in a model.

    `scale` is the point with its power of ten, the power itself, or None; `symbols` are the names of an enum's numbers.
    """

    name: str
    kind: str
    offset: int
    size: int
    scale: str | int | None
    unit: str = ""
    symbols: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RegisterModel:
    """A model's points by name, and the repeating record behind them, if it has one.

    Models whose groups hold further groups (705 to 712) are known by their own points alone: `record` is then empty.
    """

    model_id: int
    label: str
    length: int
    points: Mapping[str, Point]
    record: Mapping[str, Point]
    record_offset: int
    record_size: int
    records: int

    def record_point(self, index: int, name: str) -> Point:
        """Return a point of the index-th record, placed within the model."""
        point = self.record[name]
        place = self.record_offset + index * self.record_size + point.offset
        return replace(point, offset=place)


@cache
def is_known(model_id: int) -> bool:
    """Say whether a model's layout is known: pysunspec2's and ours."""
    if model_id in DEFINITIONS:
        return True
    try:
        get_model_def(model_id, mapping=False)
    except ModelDefinitionError:
        return False
    return True


@cache
def model(model_id: int) -> RegisterModel:
    """Return a known model's layout."""
    group = DEFINITIONS.get(model_id) or get_model_def(model_id, mapping=False)["group"]
    points = _placed(group["points"])
    head = sum(point.size for point in points.values())
    groups = group.get("groups", [])
    repeated = groups[0] if len(groups) == 1 and "groups" not in groups[0] else {}
    record = _placed(repeated.get("points", ()))
    record_size = sum(point.size for point in record.values())
    # How many there are may be a number, or a point of the device's own.
    count = repeated.get("count", 0)
    records = count if isinstance(count, int) else 0
    return RegisterModel(
        model_id=model_id,
        label=str(group.get("label", group["name"])),
        length=_size(group) - HEADER_REGISTERS,
        points=points,
        record=record,
        record_offset=head,
        record_size=record_size,
        records=records,
    )


def addresses(model_ids: Iterable[int]) -> tuple[Mapping[int, int], int]:
    """Return where each model of a map starts, and where the end model does."""
    address = BASE + len(MARKER)
    found = {}
    for model_id in model_ids:
        found[model_id] = address
        address += model(model_id).length + HEADER_REGISTERS
    return found, address


def encode(point: Point, raw: int | str) -> list[int]:
    """Return a point's registers. Counters wrap; anything else must fit.

    Raises:
        ValueError: The number does not fit.
    """
    if point.kind == "string":
        content = str(raw).encode()[: 2 * point.size].ljust(2 * point.size, b"\0")
        return list(struct.unpack(f">{point.size}H", content))
    number = int(raw)
    if point.kind in _WRAPPING:
        number %= 1 << (16 * point.size)
    try:
        content = struct.pack(_FORMATS[point.kind], number)
    except struct.error:
        raise ValueError(f"register {point.name} ({point.kind}) must hold its number, was {number}") from None
    return list(struct.unpack(f">{point.size}H", content))


@cache
def unimplemented(point: Point) -> tuple[int, ...]:
    """Return the registers that mean "this device does not have this point"."""
    content = mb.create_unimpl_value(point.kind, len=2 * point.size)
    return struct.unpack(f">{point.size}H", content[: 2 * point.size])


def decode(point: Point, registers: Sequence[int]) -> int:
    """Return the whole number in a point's registers.

    Raises:
        NotReadable: They are too few, or marked unimplemented.
    """
    if len(registers) != point.size:
        raise NotReadable(f"{point.name}: needs {point.size} registers, got {len(registers)}")
    if tuple(registers) == unimplemented(point) and point.kind not in _WRAPPING:
        raise NotReadable(f"{point.name}: not implemented by the device")
    content = struct.pack(f">{point.size}H", *registers)
    return int(struct.unpack(_FORMATS[point.kind], content)[0])


def number_in(point: Point, registers: Sequence[int]) -> Fraction:
    """Return the number in a point's registers, whole or not, exactly.

    Raises:
        NotReadable: They are too few, marked unimplemented, or hold no finite number.
    """
    if point.kind not in _FLOATS:
        return Fraction(decode(point, registers))
    if len(registers) != point.size:
        raise NotReadable(f"{point.name}: needs {point.size} registers, got {len(registers)}")
    content = struct.pack(f">{point.size}H", *registers)
    number = float(struct.unpack(_FLOATS[point.kind], content)[0])
    if not math.isfinite(number):
        # A float that is not implemented is no number.
        raise NotReadable(f"{point.name}: not implemented by the device")
    return Fraction(number)


def require_scale(scale: int, where: str) -> None:
    """Refuse a scale factor that SunSpec does not know.

    Raises:
        NotReadable: It is none of -10 to 10.
    """
    if not -10 <= scale <= 10:  # noqa: PLR2004 -- SunSpec's own range
        raise NotReadable(f"{where}: must be in [-10, 10], was {scale}")


def scaled(number: int, scale: int) -> float:
    """Return a number times a power of ten.

    Raises:
        NotReadable: The scale is none that SunSpec knows (-10 to 10).
    """
    require_scale(scale, "scale factor")
    return float(number * 10**scale) if scale >= 0 else number / 10**-scale


def rescaled(number: int, scale: int) -> int:
    """Return a number times a power of ten, rounded to a whole one; exact for counters of 64 bits, as floats are not.

    Raises:
        NotReadable: The scale is none that SunSpec knows (-10 to 10).
    """
    require_scale(scale, "scale factor")
    if scale >= 0:
        return number * int(10**scale)
    step = int(10**-scale)
    return (number + step // 2) // step


def spans(places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join (address, size) places into as few (address, count) reads as the protocol's 125 registers allow."""
    first = last = None
    for address, size in sorted(places):
        if first is None or last is None:
            first, last = address, address + size
        elif address + size - first <= READ_REGISTERS_MAX:
            last = max(last, address + size)
        else:
            yield first, last - first
            first, last = address, address + size
    if first is not None and last is not None:
        yield first, last - first


def _size(group: Mapping[str, Any]) -> int:
    """Return a group's registers, with those of its groups as often as the definition itself says."""
    own = sum(int(point.get("size", 1)) for point in group["points"])
    inner = [(one.get("count", 1), one) for one in group.get("groups", ())]
    return own + sum(count * _size(one) for count, one in inner if isinstance(count, int))


def _placed(definitions: Iterable[Mapping[str, Any]]) -> dict[str, Point]:
    points = {}
    offset = 0
    for definition in definitions:
        size = int(definition.get("size", 1))
        points[str(definition["name"])] = Point(
            name=str(definition["name"]),
            kind=str(definition["type"]),
            offset=offset,
            size=size,
            scale=definition.get("sf"),
            unit=str(definition.get("units", "")),
            symbols=tuple((int(known["value"]), str(known["name"])) for known in definition.get("symbols", ())),
        )
        offset += size
    return points

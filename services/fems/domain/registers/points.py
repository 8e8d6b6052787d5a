"""A model's registers for a person: each point with its number in its stated scale, or why there is none."""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.fems.domain.registers.sunspec import NotReadable, Point, RegisterModel, decode, scaled, unimplemented

_FLOATS = {"float32": ">f", "float64": ">d"}
_SKIPPED = ("pad", "sunssf")
_HEADER = ("ID", "L")


@dataclass(frozen=True, slots=True)
class Shown:
    """One point: its name, what it says (None: see `problem`), the unit, and an enum's word for its number."""

    name: str
    number: float | str | None
    unit: str
    symbol: str | None = None
    problem: str | None = None


def shown(model: RegisterModel, words: Sequence[int]) -> Iterator[Shown]:
    """Yield a model's points from its registers, header included, then those of its records, numbered from 1.

    Points that the device marks as not implemented are left out: most devices lack most points.
    """
    for point in model.points.values():
        if point.name not in _HEADER:
            yield from _shown(model, words, point, point.name)
    if not model.record:
        return
    for index in range((len(words) - model.record_offset) // model.record_size):
        for name in model.record:
            yield from _shown(model, words, model.record_point(index, name), f"{name}[{index + 1}]")


def _shown(model: RegisterModel, words: Sequence[int], point: Point, name: str) -> Iterator[Shown]:
    found = words[point.offset : point.offset + point.size]
    if point.kind in _SKIPPED or tuple(found) == unimplemented(point):
        return
    try:
        number = _number(model, words, point, found)
    except NotReadable as fault:
        yield Shown(name, None, point.unit, problem=str(fault))
        return
    symbol = dict(point.symbols).get(number) if isinstance(number, int) and point.kind.startswith("enum") else None
    yield Shown(name, number, point.unit, symbol)


def _number(model: RegisterModel, words: Sequence[int], point: Point, found: Sequence[int]) -> float | str:
    content = struct.pack(f">{len(found)}H", *found)
    if point.kind == "string":
        return content.rstrip(b"\0 ").decode("utf-8", errors="replace")
    if point.kind in _FLOATS and len(found) == point.size:
        measured = float(struct.unpack(_FLOATS[point.kind], content)[0])
        if not math.isfinite(measured):
            raise NotReadable(f"{point.name}: must be a finite number, was {measured}")
        return measured
    if point.kind in ("ipaddr", "ipv6addr", "eui48"):
        return content.hex(":")
    raw = decode(point, found)
    return raw if point.scale is None else scaled(raw, _scale(model, words, point.scale))


def _scale(model: RegisterModel, words: Sequence[int], scale: str | int) -> int:
    if isinstance(scale, int):
        return scale
    point = model.points.get(scale)
    if point is None:
        raise NotReadable(f"{scale}: not a point of the model")
    return decode(point, words[point.offset : point.offset + point.size])

"""Commands by SunSpec's own control models, 704 and 124: written when their interval begins, undone by their timer.

Unlike the dispatch block they know no set-point for later, so that the gateway has to be there when an interval begins.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.fems.domain.registers.control_commands import POWER_MODEL, SCALES, STORAGE_MODEL, control_points
from services.fems.domain.registers.sunspec import NotReadable, decode, encode, model, require_scale, unimplemented
from services.fems.domain.setpoints import ConverterRating, Refusal, Setpoint, beyond_plate
from services.fems.gateway.modbus import Line

# In the order in which they are taken where a converter has both.
CONTROL_MODELS = (POWER_MODEL, STORAGE_MODEL)
# The messages that write a command, each from one point to another; what stands between is written as it was read.
_MESSAGES = {
    POWER_MODEL: (("WSetEna", "WSetRvrtTms"),),
    STORAGE_MODEL: (("OutWRte", "InOutWRte_RvrtTms"), ("StorCtl_Mod", "StorCtl_Mod")),
}
_TIMERS = {POWER_MODEL: "WSetRvrtTms", STORAGE_MODEL: "InOutWRte_RvrtTms"}
_NO_LIMIT_W = 1 << 62


class _Rated(NamedTuple):
    """A point that says how much can flow in, out, or both."""

    model_id: int
    name: str
    scale: str
    inward: bool = False
    outward: bool = False


_RATINGS = (
    _Rated(702, "WMaxRtg", "W_SF", outward=True),
    _Rated(702, "WMax", "W_SF", outward=True),
    _Rated(702, "WChaRteMaxRtg", "W_SF", inward=True),
    _Rated(702, "WChaRteMax", "W_SF", inward=True),
    _Rated(702, "WDisChaRteMaxRtg", "W_SF", outward=True),
    _Rated(702, "WDisChaRteMax", "W_SF", outward=True),
    _Rated(802, "WChaRteMax", "WChaDisChaMax_SF", inward=True),
    _Rated(802, "WDisChaRteMax", "WChaDisChaMax_SF", outward=True),
    _Rated(124, "WChaMax", "WChaMax_SF", inward=True),
)


async def plate_of(line: Line, unit_id: int, models: Mapping[int, int]) -> ConverterRating:
    """Return a converter's own ratings, each the least of what its models say.

    Raises:
        NoAnswer: It gave none.
        NotReadable: A scale factor is nonsense.
    """
    rated = [rating for rating in _RATINGS if rating.model_id in models]
    wanted = [(one.model_id, name) for one in rated for name in (one.name, one.scale)]
    told = await _numbers(line, unit_id, models, wanted)
    inward, outward = [_NO_LIMIT_W], [_NO_LIMIT_W]
    for one in rated:
        number = told[one.model_id, one.name]
        if number is not None:
            most_w = _scaled_w(number, told[one.model_id, one.scale], f"model {one.model_id}, {one.scale}")
            inward += [most_w] if one.inward else []
            outward += [most_w] if one.outward else []
    # Model 124 has one rating, for both directions where no other model tells.
    return ConverterRating(min(inward), min(outward) if len(outward) > 1 else min(inward))


async def command(
    line: Line, unit_id: int, models: Mapping[int, int], setpoint: Setpoint, *, revert_s: int
) -> Refusal | None:
    """Make a converter run at a set-point for so many seconds; return why it does not say that it does, or None.

    Raises:
        NoAnswer: It gave none.
        NotReadable: Its scale factors are nonsense.
    """
    model_id = next(one for one in CONTROL_MODELS if one in models)
    plate = await plate_of(line, unit_id, models)
    refusal = beyond_plate(setpoint, plate)
    if refusal is not None:
        return refusal
    points, start = model(model_id).points, models[model_id]
    spans = [(points[first], points[last]) for first, last in _MESSAGES[model_id]]
    places = [(start + first.offset, last.offset + last.size - first.offset) for first, last in spans]
    registers = await line.registers(unit_id, places)
    timer = points[_TIMERS[model_id]]
    standing = tuple(registers[start + timer.offset + place] for place in range(timer.size))
    if standing == unimplemented(timer):
        return Refusal("unconfirmed", f"nothing would stop the converter: it has no {timer.name} (model {model_id})")
    scale = (await _numbers(line, unit_id, models, [(model_id, SCALES[model_id])]))[model_id, SCALES[model_id]]
    if scale is None:
        raise NotReadable(f"model {model_id}, {SCALES[model_id]}: not implemented by the device")
    told = control_points(model_id, setpoint.setpoint_w, scale, plate, revert_s=revert_s)
    for name, number in told.items():
        try:
            words = encode(points[name], number)
        except ValueError as error:
            raise NotReadable(f"model {model_id}: {error}") from None
        registers |= dict(enumerate(words, start=start + points[name].offset))
    for address, count in places:
        await line.write(unit_id, address, [registers[address + place] for place in range(count)])
    return await _contradiction(line, unit_id, models, model_id, told)


async def _contradiction(
    line: Line, unit_id: int, models: Mapping[int, int], model_id: int, told: Mapping[str, int]
) -> Refusal | None:
    """Return what of a command a converter does not show, or None."""
    left = ("WSetRvrtRem",) if model_id == POWER_MODEL else ()
    shown = await _numbers(line, unit_id, models, [(model_id, name) for name in (*told, *left)])
    for name, number in told.items():
        if shown[model_id, name] != number:
            found = f"{name} (model {model_id}) was written as {number} and reads {shown[model_id, name]}"
            return Refusal("unconfirmed", f"the converter does not show the command: {found}")
    if left and shown[model_id, "WSetRvrtRem"] == 0:
        return Refusal("unconfirmed", "nothing would stop the converter: its revert time does not run (WSetRvrtRem)")
    return None


async def _numbers(
    line: Line, unit_id: int, models: Mapping[int, int], wanted: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], int | None]:
    """Return points' whole numbers as they stand; None where the device does not have one."""
    points = {(model_id, name): model(model_id).points[name] for model_id, name in wanted}
    places = [(models[model_id] + point.offset, point.size) for (model_id, _), point in points.items()]
    registers = await line.registers(unit_id, places)
    told: dict[tuple[int, str], int | None] = {}
    for (model_id, name), point in points.items():
        first = models[model_id] + point.offset
        words = [registers[first + place] for place in range(point.size)]
        told[model_id, name] = None if tuple(words) == unimplemented(point) else decode(point, words)
    return told


def _scaled_w(number: int, scale: int | None, where: str) -> int:
    if scale is None:
        raise NotReadable(f"{where}: must be in [-10, 10], was None")
    require_scale(scale, where)
    return number * int(10**scale) if scale >= 0 else number // int(10**-scale)

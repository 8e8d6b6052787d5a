"""What a person asks of devices at an address before they are in a complex file: who answers, and what it says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.fems.domain.registers.points import Shown, shown
from services.fems.domain.registers.sunspec import COMMON_MODEL, HEADER_REGISTERS, NotReadable, is_known, model
from services.fems.gateway.connection import NoAnswer, NoConnection
from services.fems.gateway.modbus import Line, odd_answers_not_readable

_PLATE = {"Mn": "manufacturer", "Md": "product", "SN": "serial", "Vr": "firmware"}


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A unit: its plate and where each of its models starts, or the reason why it has no SunSpec map."""

    unit_id: int
    plate: Mapping[str, str]
    models: Mapping[int, int]
    reason: str | None = None


async def survey(line: Line, unit_id: int) -> Surveyed:
    """Walk through a unit's map and read its plate.

    Raises:
        NoConnection: Nothing listens at the address.
    """
    try:
        with odd_answers_not_readable():
            models = await line.models(unit_id)
            plate = await _plate(line, unit_id, models)
    except NoConnection:
        raise
    except (NoAnswer, NotReadable) as fault:
        return Surveyed(unit_id, {}, {}, reason=str(fault))
    return Surveyed(unit_id, plate, models)


async def read_models(line: Line, found: Surveyed, model_ids: Iterable[int]) -> dict[int, list[Shown]]:
    """Read some models of a unit as they are known; a model that the unit lacks, or nobody knows, is left out.

    Raises:
        NoAnswer: The unit stopped answering.
        NotReadable: A model is longer than there are registers.
    """
    told = {}
    for model_id in model_ids:
        if model_id in found.models and is_known(model_id):
            with odd_answers_not_readable():
                words = await _words(line, found.unit_id, found.models[model_id])
                told[model_id] = list(shown(model(model_id), words))
    return told


async def _plate(line: Line, unit_id: int, models: Mapping[int, int]) -> dict[str, str]:
    if COMMON_MODEL not in models:
        return {}
    words = await _words(line, unit_id, models[COMMON_MODEL])
    told = {point.name: point.number for point in shown(model(COMMON_MODEL), words)}
    return {field: str(told[name]) for name, field in _PLATE.items() if name in told}


async def _words(line: Line, unit_id: int, address: int) -> list[int]:
    """Return a whole model, as long as the device says it is."""
    _, length = await line.read(unit_id, address, HEADER_REGISTERS)
    return await line.read(unit_id, address, length + HEADER_REGISTERS)

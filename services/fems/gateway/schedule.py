"""Commands by the dispatch block, 64901: an entry in the converter's own schedule, written ahead of its interval."""

from services.fems.domain.interval_numbers import epoch_s
from services.fems.domain.registers.sunspec import Point, decode, encode, model
from services.fems.domain.registers.vendor_models import DISPATCH_ENTRIES, DISPATCH_MODEL, CommitStatus
from services.fems.domain.setpoints import Refusal, Setpoint, refused_by_device
from services.fems.domain.simulated.dispatch import ScheduleEntry
from services.fems.gateway.modbus import Line


async def shows(line: Line, unit_id: int, address: int, setpoint: Setpoint) -> bool:
    """Say whether a converter's schedule has a set-point already.

    Raises:
        NoAnswer: It gave none.
    """
    return _entry_of(setpoint) in (await _read_back(line, unit_id, address))[1]


async def enter(line: Line, unit_id: int, address: int, setpoint: Setpoint) -> Refusal | None:
    """Write a set-point into a converter's schedule and read it back; return why it is not there, or None.

    Raises:
        NoAnswer: It gave none.
    """
    entry = _entry_of(setpoint)
    first = model(DISPATCH_MODEL).points["Start"]
    await line.write(unit_id, address + first.offset, _command_words(entry))
    status, entries = await _read_back(line, unit_id, address)
    if entry in entries:
        return None
    if status == CommitStatus.ACCEPTED:
        return Refusal("unconfirmed", "the converter accepted the command but does not show it")
    return refused_by_device(status)


def _entry_of(setpoint: Setpoint) -> ScheduleEntry:
    """Return a set-point as the converter's schedule has it; of two for one interval the later issued one holds."""
    return ScheduleEntry(
        start_s=epoch_s(setpoint.delivery_start),
        setpoint_w=setpoint.setpoint_w,
        expires_s=epoch_s(setpoint.expires_at),
        sequence=epoch_s(setpoint.issued_at),
    )


def _command_words(entry: ScheduleEntry) -> list[int]:
    """Return the registers from Start to Cmt that commit an entry in one write."""
    points = model(DISPATCH_MODEL).points
    told = {
        "Start": entry.start_s,
        "W": entry.setpoint_w,
        "Exp": entry.expires_s,
        "Seq": entry.sequence,
        "Cmt": 1,
    }
    return [word for name, number in told.items() for word in encode(points[name], number)]


async def _read_back(line: Line, unit_id: int, address: int) -> tuple[int, list[ScheduleEntry]]:
    layout = model(DISPATCH_MODEL)
    status = layout.points["Sts"]
    count = layout.record_offset + layout.record_size * DISPATCH_ENTRIES - status.offset
    words = await line.read(unit_id, address + status.offset, count)

    def number(point: Point) -> int:
        at = point.offset - status.offset
        return decode(point, words[at : at + point.size])

    listed = min(number(layout.points["Cnt"]), DISPATCH_ENTRIES)
    entries = [
        ScheduleEntry(*(number(layout.record_point(index, name)) for name in ("Start", "W", "Exp", "Seq")))
        for index in range(listed)
    ]
    return number(status), entries

"""Where a complex's devices answer, as its file says."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from shared.complex.fields import RECORD, NamedRegisterMap, Port
from shared.events.base import Identifier

# Of Modbus: more devices than that have to answer at another address.
UNIT_ID_MAX = 247
# A box with one device behind it may have either.
ONE_DEVICE_ALONE = (0, 255)


class DeviceEntry(BaseModel):
    """Where one device answers, as far as it is not where the field network's other devices do.

    Attributes:
        unit_id: 1 to 247; 0 or 255 for a box that has one device alone.
        instance: Which one it is of several with the same models behind one unit, in the order of the unit's map.
        reversed: Whether it was mounted the wrong way round: what it says flows in flows out.
        framing: Modbus TCP, or RTU frames over TCP, as simple converters speak; the same for all behind an address.
        answer_within_s: How long it may think; the longest of those behind an address holds for all of them.
        remembers: Whether a simulated meter has a load-profile memory; a real one says so itself.
        sunspec: Whether a simulated inverter or converter has model 103 and its like, or 701 and its; a real one says
            so itself.
        register_map: The map of a meter or inverter without SunSpec models, a file's name in infra/register_maps.
        schedules: Whether a simulated converter has the dispatch block (64901) beside SunSpec's own controls, 124 or
            704; a real one says so itself.
        ramp_per_s: How fast a simulated converter changes its power, as a part of its rating a second.
    """

    model_config = RECORD

    host: str | None = None
    port: Port | None = None
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = None
    instance: Annotated[int, Field(ge=1, le=100)] = 1
    reversed: bool = False
    framing: Literal["tcp", "rtu"] = "tcp"
    answer_within_s: Annotated[float, Field(ge=0.1, le=30)] = 1.0
    remembers: bool = True
    sunspec: Literal[103, 701] = 103
    register_map: NamedRegisterMap | None = None
    schedules: bool = True
    ramp_per_s: Annotated[float, Field(ge=0.001, le=10)] = 1.0


class FieldNetwork(BaseModel):
    """Where the gateway finds the complex's devices: one Modbus TCP address, a unit id a device.

    Attributes:
        devices: What is particular about some devices, by device id.
    """

    model_config = RECORD

    host: str = "127.0.0.1"
    port: Port
    poll_interval_s: Annotated[int, Field(ge=1, le=900)] = 60
    devices: Mapping[Identifier, DeviceEntry] = {}

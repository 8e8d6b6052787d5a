"""Where a complex's devices answer, as its file says."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from shared.complex.fields import RECORD, NamedRegisterMap, Port
from shared.events.base import Identifier

# Of Modbus: more devices than that have to answer at another address.
UNIT_ID_MAX = 247


class DeviceEntry(BaseModel):
    """Where one device answers, as far as it is not where the field network's other devices do.

    Attributes:
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
    unit_id: Annotated[int, Field(ge=1, le=UNIT_ID_MAX)] | None = None
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

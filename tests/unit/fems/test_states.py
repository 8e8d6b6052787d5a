"""A device's state from its registers, whatever stands in them."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from services.fems.domain.registers.sunspec import NotReadable, addresses, model
from services.fems.domain.registers.vendor_models import DISPATCH_MODEL
from services.fems.gateway.poller import observation
from services.fems.gateway.states import live_from, live_from_map, points_of
from shared.complex.model import Device
from shared.complex.register_maps import RegisterMap
from shared.events.fems import MeterKind
from tests.unit.fems.fields import NOW, a_complex

MODELS: dict[MeterKind, list[tuple[int, ...]]] = {
    MeterKind.GRID: [(203,)],
    MeterKind.PV: [(103,), (701,)],
    MeterKind.ESS: [(103, 203, 802), (701, 713), (103, 203, DISPATCH_MODEL)],
}
# Of all words some are likelier than others to make numbers that are beyond everything: 10^10 as a scale, the ends.
WORDS = st.one_of(st.sampled_from([0, 1, 10, 0x7FFF, 0x8000, 0xFFF6, 0xFFFE, 0xFFFF]), st.integers(0, 0xFFFF))


def a_device(kind: MeterKind) -> Device:
    return next(device for device in a_complex().devices if device.kind is kind)


@given(st.data())
def test_state_of_a_device_can_be_published_or_is_not_readable(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(MODELS)))
    models, _ = addresses(data.draw(st.sampled_from(MODELS[kind])))
    words = {
        models[model_id] + point.offset + place: data.draw(WORDS)
        for model_id, name in points_of(kind, models)
        for point in [model(model_id).points[name]]
        for place in range(point.size)
    }

    try:
        live = live_from(kind, models, words)
    except NotReadable:
        return

    observation("small", a_device(kind), live, at=NOW, reachable=True)


@given(power=st.floats(width=32), counted=st.floats(width=32))
@example(power=1e30, counted=0.0)
def test_state_of_a_mapped_device_can_be_published_or_is_not_readable(power: float, counted: float) -> None:
    points = {
        "power_w": {"address": 0, "kind": "float32", "factor": 1000},
        "import_wh": {"address": 2, "kind": "float32"},
    }
    map_ = RegisterMap.model_validate({"title": "odd", "points": points})
    words = struct.unpack(">4H", struct.pack(">2f", power, counted))

    try:
        live = live_from_map(map_, dict(enumerate(words)))
    except NotReadable:
        return

    observation("small", a_device(MeterKind.GRID), live, at=NOW, reachable=True)

"""What a device's meter can show at most, and how often it is read."""

from datetime import timedelta

from services.fems.domain.metering.counting import CounterLimits
from shared.complex.model import Complex, Device
from shared.complex.ratings import rating_of

PAUSES = 3


def limits_of(complex_: Complex, device: Device) -> CounterLimits:
    """Return a device's limits; its counters' own are known when it is read."""
    rating = rating_of(complex_, device)
    return CounterLimits(
        import_w_max=rating.import_w_max,
        export_w_max=rating.export_w_max,
        pause=PAUSES * timedelta(seconds=complex_.field_network.poll_interval_s),
    )

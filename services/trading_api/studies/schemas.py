"""What callers send about studies."""

from services.trading_api.http.fields import Day, Request
from shared.study_fields import OPTIONS_AS_IS, SCALES_AS_BUILT, OptionNames, Scales


class StudyIn(Request):
    """A what-if study: every combination of the scales and options is a scenario."""

    trading_day: Day
    battery_scales: Scales = SCALES_AS_BUILT
    pv_scales: Scales = SCALES_AS_BUILT
    tariff_options: OptionNames = OPTIONS_AS_IS

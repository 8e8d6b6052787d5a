"""What callers send about studies."""

from pydantic import model_validator

from services.trading_api.http.fields import Day, Request
from shared.study_fields import OPTIONS_AS_IS, SCALES_AS_BUILT, SCENARIOS_MAX, OptionNames, Scales


class StudyIn(Request):
    """A what-if study: every combination of the scales and options is a scenario."""

    trading_day: Day
    battery_scales: Scales = SCALES_AS_BUILT
    pv_scales: Scales = SCALES_AS_BUILT
    tariff_options: OptionNames = OPTIONS_AS_IS

    @property
    def scenarios(self) -> int:
        """Return how many scenarios are asked for."""
        return len(self.battery_scales) * len(self.pv_scales) * len(self.tariff_options)

    @model_validator(mode="after")
    def _few_enough(self) -> "StudyIn":
        if self.scenarios > SCENARIOS_MAX:
            raise ValueError(f"scenarios must be at most {SCENARIOS_MAX} in number, were {self.scenarios}")
        return self

"""What operators send about the clock."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from services.trading_api.http.fields import Request
from shared.clock import PERSON_SPEED_MAX
from shared.validation import number


class PaceIn(Request):
    """How fast a simulated clock is to go, in its seconds a second: at a person's speed."""

    speed: Annotated[float, BeforeValidator(number), Field(ge=1, le=PERSON_SPEED_MAX, allow_inf_nan=False)]

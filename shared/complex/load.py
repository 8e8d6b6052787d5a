"""Where a simulated factory's consumption comes from, as a complex file says."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from shared.complex.fields import RECORD, PositiveKw


class Load(BaseModel):
    """A made-up plant or a measured profile, at a mean of its own.

    Attributes:
        plant: A plant of infra/plants; None: `profile` is replayed.
        seed: Of a plant that is a variation of `plant`; None: it is built as the file says.
        profile: A measured profile of infra/profiles; None: `plant` is simulated.
        mean_kw: Of the whole profile, or of a plant's weeks without holidays in mild weather.
        shift_minutes: By how much later the profile is replayed.
    """

    model_config = RECORD

    plant: str | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    profile: str | None = None
    mean_kw: PositiveKw
    shift_minutes: Annotated[int, Field(ge=-1440, le=1440, multiple_of=15)] = 0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.plant is None) == (self.profile is None):
            raise ValueError("must have a plant or a profile, not both")
        if self.plant is None and self.seed is not None:
            raise ValueError("seed must go with a plant")
        if self.profile is None and self.shift_minutes:
            raise ValueError("shift_minutes must go with a profile")
        return self

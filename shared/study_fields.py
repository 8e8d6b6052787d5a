"""What a what-if study may ask for, wherever it is asked: over HTTP, or in a study file."""

from typing import Annotated

from pydantic import Field, StringConstraints

Scale = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
OptionName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=20, pattern=r"^[A-Za-z0-9_-]+$")]

Scales = Annotated[tuple[Scale, ...], Field(min_length=1, max_length=10)]
OptionNames = Annotated[tuple[OptionName, ...], Field(min_length=1, max_length=5)]

# As built, and each factory's own option.
SCALES_AS_BUILT = (1.0,)
OPTIONS_AS_IS = ("as-is",)

"""What operators send about the market."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from services.trading_api.http.fields import SCALED_MAX, Request, Sentence


class LimitsIn(Request):
    """What a participant may have open; null: no limit of its own."""

    participant_id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100)]
    open_orders_max: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None
    credit_limit_krw: Annotated[int, Field(strict=True, ge=0, le=SCALED_MAX)] | None


class HaltIn(Request):
    """Why the market is to halt."""

    reason: Sentence


class SuspendIn(Request):
    """Why a participant is to trade no more."""

    reason: Sentence


class Asked(BaseModel):
    """The market has been asked; `GET /deeds/{deed_id}` says what came of it, and the stream what changed."""

    deed_id: str
    requested_at: str

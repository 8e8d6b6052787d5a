"""What a token that an identity provider signed has to claim before anyone is let in by it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.trading_api.roles import Principal, Role

LIFETIME_MAX = timedelta(hours=24)
# How far the provider's clock may be ahead of this machine's.
LEEWAY = timedelta(seconds=60)
# A token that is good now is good for no longer than this, so a revocation need not be remembered beyond it.
GOOD_FOR_MAX = LIFETIME_MAX + LEEWAY
# OpenID Connect promises a subject of at most 255 ASCII characters; the rest are no longer either.
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[ -~]+$")]
# RFC 7519's NumericDate: seconds since 1970, with or without a fraction.
Seconds = Annotated[int | Decimal, Field(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens are taken, and by which name the provider knows this API."""

    issuer: str
    audience: str


class Claims(BaseModel):
    """The claims that a token needs; what a provider adds to them is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    iss: str
    aud: str | list[str]
    sub: Identifier
    jti: Identifier
    iat: Seconds
    exp: Seconds
    nbf: Seconds = 0
    complex_id: Identifier
    role: Annotated[Role, Field(strict=False)]
    participant_id: Identifier | None = None

    @property
    def principal(self) -> Principal:
        """Return whom the token stands for; the subject is the same with every token."""
        return Principal(
            key_id=f"jwt:{self.sub}",
            name=self.sub,
            role=self.role,
            complex_id=self.complex_id,
            participant_id=self.participant_id,
        )


def broken_rule(claims: Claims, trust: Trust, *, now: datetime) -> str | None:
    """Say which rule a token's claims break, None where they break none."""
    now_s, leeway_s = now.timestamp(), LEEWAY.total_seconds()
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    rules = (
        (claims.iss == trust.issuer, "iss must be the trusted issuer"),
        (trust.audience in audiences, "aud must name this API"),
        (claims.exp > now_s, "exp must lie ahead"),
        (claims.nbf <= now_s + leeway_s, "nbf must not lie ahead"),
        (claims.iat <= now_s + leeway_s, "iat must not lie ahead"),
        (
            claims.exp - claims.iat <= LIFETIME_MAX.total_seconds(),
            f"exp must follow iat within {LIFETIME_MAX // timedelta(hours=1)} h",
        ),
        (
            (claims.role is Role.FACTORY) == (claims.participant_id is not None),
            "participant_id belongs to the role factory, and to no other",
        ),
    )
    return next((rule for holds, rule in rules if not holds), None)

"""Who calls, and what that caller may see."""

from dataclasses import dataclass
from enum import StrEnum

ALL = "all"
STAFF = "staff"


class Role(StrEnum):
    """What an API key or token is for."""

    FACTORY = "factory"
    OPERATOR = "operator"
    PLANNER = "planner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever calls, by API key or by a token (`key_id` jwt: and its subject); only a factory names a participant."""

    key_id: str
    name: str
    role: Role
    complex_id: str
    participant_id: str | None

    def __post_init__(self) -> None:
        if (self.role is Role.FACTORY) != (self.participant_id is not None):
            raise ValueError(f"key {self.key_id}: a participant_id belongs to the role factory, and to no other")

    def hears(self, audience: str) -> bool:
        """Say whether something published for an audience concerns this caller."""
        return audience == ALL or self.participant_id is None or audience == audience_of(self.participant_id)


def audience_of(participant_id: str) -> str:
    """Return the audience that is one participant, and the complex's staff."""
    return f"participant:{participant_id}"

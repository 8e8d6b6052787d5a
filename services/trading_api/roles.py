"""Who calls, and what that caller may do and see: calls, the live stream and the overview all ask here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALL = "all"
STAFF = "staff"


class Role(StrEnum):
    """What an API key or token is for."""

    FACTORY = "factory"
    OPERATOR = "operator"
    PLANNER = "planner"


class Scope(StrEnum):
    """What a role may do or see; of what it may see, a factory sees its own part, others the whole complex's."""

    # The market's public word: results of auctions, halts, the calendar.
    MARKET_READ = "market:read"
    # What is measured, expected and planned: readings, forecasts, schedules, set-points, devices, the complex.
    SERIES_READ = "series:read"
    # What a participant does in the market: its orders, blocks and trades, and whether it may trade.
    ORDERS_READ = "orders:read"
    # What that came to: settled intervals, statements, invoices, certificates, the ledger.
    ACCOUNTS_READ = "accounts:read"
    ORDERS_WRITE = "orders:write"
    # How the exchange bids for a factory.
    BIDDING_WRITE = "bidding:write"
    # What a factory states of its own consumption to come.
    PLANS_WRITE = "plans:write"
    STUDIES_RUN = "studies:run"
    MARKET_OPERATE = "market:operate"


SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.FACTORY: frozenset(
        {
            Scope.MARKET_READ,
            Scope.SERIES_READ,
            Scope.ORDERS_READ,
            Scope.ACCOUNTS_READ,
            Scope.ORDERS_WRITE,
            Scope.BIDDING_WRITE,
            Scope.PLANS_WRITE,
        }
    ),
    Role.OPERATOR: frozenset(Scope) - {Scope.ORDERS_WRITE, Scope.PLANS_WRITE},
    # A planner that saw orders before the gate, or what a rival is paid, could not plan for all of them.
    Role.PLANNER: frozenset({Scope.MARKET_READ, Scope.SERIES_READ, Scope.STUDIES_RUN}),
}
# Each kind of event on the live stream, and who may hear of it; a kind that is not here is told to nobody.
STREAM_SCOPES: Final[Mapping[str, Scope]] = {
    "auction": Scope.MARKET_READ,
    "day_ahead": Scope.MARKET_READ,
    "market": Scope.MARKET_READ,
    "calendar": Scope.MARKET_READ,
    "devices": Scope.SERIES_READ,
    "reading": Scope.SERIES_READ,
    "corrected": Scope.SERIES_READ,
    "late": Scope.SERIES_READ,
    "accuracy": Scope.SERIES_READ,
    "schedule": Scope.SERIES_READ,
    "setpoint": Scope.SERIES_READ,
    "order": Scope.ORDERS_READ,
    "participant": Scope.ORDERS_READ,
    "bidding": Scope.ORDERS_READ,
    "settled": Scope.ACCOUNTS_READ,
    "resettled": Scope.ACCOUNTS_READ,
    "ledger": Scope.ACCOUNTS_READ,
    "statement": Scope.ACCOUNTS_READ,
    "invoice": Scope.ACCOUNTS_READ,
    "certified": Scope.ACCOUNTS_READ,
    "study": Scope.STUDIES_RUN,
    "dead_letter": Scope.MARKET_OPERATE,
}


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

    @property
    def account(self) -> str:
        """Return on whose account calls and connections count: a participant's keys have one together."""
        return self.key_id if self.participant_id is None else f"{self.complex_id} {audience_of(self.participant_id)}"

    def may(self, scope: Scope) -> bool:
        """Say whether this caller may do or see something."""
        return scope in SCOPES[self.role]

    def hears(self, kind: str, audience: str) -> bool:
        """Say whether an event of a kind, published for an audience, concerns this caller."""
        scope = STREAM_SCOPES.get(kind)
        if scope is None or not self.may(scope):
            return False
        return audience == ALL or self.participant_id is None or audience == audience_of(self.participant_id)


def roles_with(scope: Scope) -> tuple[Role, ...]:
    """Return the roles that may do or see something."""
    return tuple(role for role in Role if scope in SCOPES[role])


def audience_of(participant_id: str) -> str:
    """Return the audience that is one participant, and the complex's staff."""
    return f"participant:{participant_id}"

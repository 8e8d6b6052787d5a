"""Double entry in whole won: postings, and entries whose two sides are equal."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

GRID: Final = "grid"
WHEELING_FEES: Final = "operator:fees"
# Holds what imbalance costs more than the grid is owed for it; where it costs less, it is owed by this account.
IMBALANCE_SPREAD: Final = "operator:imbalance"

Kind = Literal["trade", "imbalance", "loss", "correction", "bill"]


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a ledger entry: a debit is owed by the account, a credit is due to it. One of the two is 0."""

    account: str
    debit_krw: int
    credit_krw: int

    def __post_init__(self) -> None:
        if not (self.debit_krw == 0 < self.credit_krw or self.credit_krw == 0 < self.debit_krw):
            raise ValueError(f"a posting must have one positive side, the other 0, was {self}")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A ledger entry; its debits equal its credits. A correction holds a difference and names the entry it corrects."""

    entry_id: str
    kind: Kind
    postings: tuple[Posting, ...]
    corrects_entry_id: str | None = None

    def __post_init__(self) -> None:
        debit_krw = sum(posting.debit_krw for posting in self.postings)
        credit_krw = sum(posting.credit_krw for posting in self.postings)
        if debit_krw != credit_krw:
            raise ValueError(f"entry {self.entry_id}: debits must equal credits, were {debit_krw} and {credit_krw} KRW")


def participant_account(participant_id: str) -> str:
    """Return the name of a participant's account."""
    return f"participant:{participant_id}"


def postings_of(owed: Iterable[tuple[str, int]]) -> tuple[Posting, ...]:
    """Return the postings of accounts that owe (above 0) or are owed (below 0) so many won; none for 0."""
    return tuple(Posting(account, krw, 0) if krw > 0 else Posting(account, 0, -krw) for account, krw in owed if krw)

"""When a book is complete: every order writer has sealed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.intervals import INTERVAL


@dataclass(frozen=True, slots=True)
class Seal:
    """A writer's watermark: nothing more of it for this interval or an earlier one."""

    writer: str
    delivery_start: datetime
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class DueAuction:
    """An interval whose book is complete, and the instant at which the last writer sealed it."""

    delivery_start: datetime
    complete_at: datetime


def auctions_due(
    seals: Sequence[Seal],
    writers: Sequence[str],
    *,
    cleared_through: datetime | None,
    earliest_order: datetime | None,
) -> list[DueAuction]:
    """Return the intervals to clear now, in sequence: those that every writer has sealed and that were not cleared.

    The first one ever is the earliest that any writer sealed or has an order for, so that no early order is left over.
    """
    by_writer = {writer: sorted(_of_writer(seals, writer), key=lambda seal: seal.delivery_start) for writer in writers}
    if not all(by_writer.values()):
        return []
    complete_through = min(sealed[-1].delivery_start for sealed in by_writer.values())
    if cleared_through is not None:
        first = cleared_through + INTERVAL
    else:
        first = min(sealed[0].delivery_start for sealed in by_writer.values())
        first = first if earliest_order is None else min(first, earliest_order)
    due = []
    for step in range((complete_through - first) // INTERVAL + 1):
        delivery_start = first + step * INTERVAL
        covering = [
            next(seal for seal in sealed if seal.delivery_start >= delivery_start) for sealed in by_writer.values()
        ]
        due.append(DueAuction(delivery_start, max(seal.sealed_at for seal in covering)))
    return due


@dataclass(frozen=True, slots=True)
class HeldUp:
    """An auction that waits for seals, and the writers that owe them."""

    delivery_start: datetime
    writers: tuple[str, ...]


def held_up(
    seals: Sequence[Seal],
    writers: Sequence[str],
    *,
    cleared_through: datetime | None,
    late_after: timedelta,
    now: datetime,
) -> HeldUp | None:
    """Return the next auction if seals that it needs are late, else None.

    Args:
        seals: The seals at hand; with none the market has not begun, and nothing is late.
        writers: All that must seal.
        cleared_through: The newest interval that was cleared.
        late_after: When a seal is late, counted from its delivery start (below 0: before delivery), but never before
            the market's first seal is as old as that.
        now: The present instant.
    """
    if not seals:
        return None
    first_sealed = min(seal.delivery_start for seal in seals)
    delivery_start = first_sealed if cleared_through is None else cleared_through + INTERVAL
    missing = tuple(
        writer for writer in writers if all(seal.delivery_start < delivery_start for seal in _of_writer(seals, writer))
    )
    return HeldUp(delivery_start, missing) if missing and now - delivery_start >= late_after else None


def _of_writer(seals: Sequence[Seal], writer: str) -> list[Seal]:
    return [seal for seal in seals if seal.writer == writer]

"""What of a battery's energy is certified: what was charged first leaves first, at the battery's efficiency.

Each interval of charging makes a lot of what the battery can give back of it: certified up to the certificates that
charging cancelled, grey beyond. A discharge takes the oldest lots first, the grey ones too, and is certified for what
it takes of the certified. All energy is in Wh at the battery's terminals, lots after losses.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

MILLION: Final = 1_000_000
# What stood in a battery before its first interval in the books: nobody knows where it came from.
OPENING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What the books need to know of a battery.

    Args:
        device_id: Its id.
        efficiency_ppm: What comes back of a Wh charged, in millionths.
        capacity_wh: What a full battery gives.
        opening_wh: What it gave when the books began.
    """

    device_id: str
    efficiency_ppm: int
    capacity_wh: int
    opening_wh: int

    @property
    def opening(self) -> tuple["Lot", ...]:
        """Return the content with which the books begin."""
        return (Lot(OPENING, 0, self.opening_wh),) if self.opening_wh else ()


@dataclass(frozen=True, slots=True)
class Lot:
    """What a battery can still give of what it was charged with in one interval."""

    charged_at: datetime
    certified_wh: int
    grey_wh: int

    @property
    def left_wh(self) -> int:
        """Return all of it."""
        return self.certified_wh + self.grey_wh


@dataclass(frozen=True, slots=True)
class Draw:
    """What a discharge took of a lot."""

    charged_at: datetime
    certified_wh: int
    grey_wh: int

    @property
    def taken_wh(self) -> int:
        """Return all of it."""
        return self.certified_wh + self.grey_wh


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRecord:
    """A battery's interval in the books: `certified_wh` of what it charged was certified."""

    device_id: str
    charged_wh: int = 0
    certified_wh: int = 0
    discharged_wh: int = 0
    draws: tuple[Draw, ...] = ()


Content = tuple[Lot, ...]


def deliverable(storage: Storage, record: StorageRecord, charged_at: datetime) -> Lot:
    """Return the lot that an interval's charging makes; each part is rounded down."""
    certified_wh = record.certified_wh * storage.efficiency_ppm // MILLION
    return Lot(charged_at, certified_wh, record.charged_wh * storage.efficiency_ppm // MILLION - certified_wh)


def discharge(
    content: Content, draws: Sequence[Draw], discharged_wh: int, start: datetime
) -> tuple[Content, tuple[Draw, ...]]:
    """Bring an interval's draws to what was discharged in it; the first time they are none.

    A smaller discharge gives back what it took last, a larger one takes more of what was charged before `start` and is
    still there. What no lot covers is certified for nothing.
    """
    more_wh = discharged_wh - sum(draw.taken_wh for draw in draws)
    if more_wh > 0:
        return _draw(content, draws, more_wh, start)
    return _give_back(content, draws, -more_wh)


def _draw(content: Content, draws: Sequence[Draw], wanted_wh: int, start: datetime) -> tuple[Content, tuple[Draw, ...]]:
    left = []
    taken = {draw.charged_at: draw for draw in draws}
    for lot in content:
        if wanted_wh <= 0 or lot.charged_at >= start:
            left.append(lot)
            continue
        certified_wh = min(lot.certified_wh, wanted_wh)
        grey_wh = min(lot.grey_wh, wanted_wh - certified_wh)
        wanted_wh -= certified_wh + grey_wh
        before = taken.get(lot.charged_at, Draw(lot.charged_at, 0, 0))
        taken[lot.charged_at] = Draw(lot.charged_at, before.certified_wh + certified_wh, before.grey_wh + grey_wh)
        left.append(Lot(lot.charged_at, lot.certified_wh - certified_wh, lot.grey_wh - grey_wh))
    return _filled(left), tuple(taken[charged_at] for charged_at in sorted(taken))


def _give_back(content: Content, draws: Sequence[Draw], surplus_wh: int) -> tuple[Content, tuple[Draw, ...]]:
    kept = []
    for draw in reversed(draws):
        # The other way round than it was taken: certified first, so grey goes back first.
        grey_wh = min(draw.grey_wh, surplus_wh)
        certified_wh = min(draw.certified_wh, surplus_wh - grey_wh)
        surplus_wh -= grey_wh + certified_wh
        if grey_wh + certified_wh:
            content = _added(content, Lot(draw.charged_at, certified_wh, grey_wh))
        kept.append(Draw(draw.charged_at, draw.certified_wh - certified_wh, draw.grey_wh - grey_wh))
    return content, tuple(draw for draw in reversed(kept) if draw.taken_wh)


def recharge(content: Content, before: Lot, now: Lot) -> Content:
    """Replace what an interval's charging made by what it makes now; what has left of it stays gone.

    Where more of it has left than there is now, or more certified, those who took it have to give up (`allowed`).
    """
    lot = next((lot for lot in content if lot.charged_at == now.charged_at), Lot(now.charged_at, 0, 0))
    left_wh = max(now.left_wh - (before.left_wh - lot.left_wh), 0)
    certified_wh = min(max(now.certified_wh - (before.certified_wh - lot.certified_wh), 0), left_wh)
    rest = tuple(one for one in content if one.charged_at != now.charged_at)
    return _added(rest, Lot(now.charged_at, certified_wh, left_wh - certified_wh))


def allowed(lot: Lot, taken: Mapping[datetime, Draw]) -> dict[datetime, Draw]:
    """Say which discharges have to give up what they took of a lot that shrank, and what each may keep.

    Args:
        lot: What all of it is now.
        taken: What was taken of it, by the interval of the discharge. The latest gives up first: energy that is not
            there, then certificates, whose energy turns grey.
    """
    beyond_wh = sum(draw.taken_wh for draw in taken.values()) - lot.left_wh
    uncertified_wh = sum(draw.certified_wh for draw in taken.values()) - lot.certified_wh
    kept = {}
    for start in sorted(taken, reverse=True):
        draw = taken[start]
        taken_wh = max(draw.taken_wh - max(beyond_wh, 0), 0)
        beyond_wh -= draw.taken_wh - taken_wh
        certified_wh = min(max(draw.certified_wh - max(uncertified_wh, 0), 0), taken_wh)
        uncertified_wh -= draw.certified_wh - certified_wh
        if (taken_wh, certified_wh) != (draw.taken_wh, draw.certified_wh):
            kept[start] = Draw(lot.charged_at, certified_wh, taken_wh - certified_wh)
    return kept


def limited(draws: Sequence[Draw], kept: Mapping[datetime, Draw]) -> tuple[Draw, ...]:
    """Return an interval's draws, those of shrunken lots as far as they may be kept."""
    left = (kept.get(draw.charged_at, draw) for draw in draws)
    return tuple(draw for draw in left if draw.taken_wh)


def within(content: Content, capacity_wh: int) -> Content:
    """Return what a battery can hold of a content: what is beyond was lost on the way, the oldest first."""
    beyond_wh = sum(lot.left_wh for lot in content) - capacity_wh
    kept = []
    for lot in content:
        certified_wh = min(lot.certified_wh, max(beyond_wh, 0))
        grey_wh = min(lot.grey_wh, max(beyond_wh - certified_wh, 0))
        beyond_wh -= certified_wh + grey_wh
        kept.append(Lot(lot.charged_at, lot.certified_wh - certified_wh, lot.grey_wh - grey_wh))
    return _filled(kept)


def _added(content: Content, lot: Lot) -> Content:
    place = bisect_left(content, lot.charged_at, key=lambda one: one.charged_at)
    before, after = content[:place], content[place:]
    if after and after[0].charged_at == lot.charged_at:
        lot = Lot(lot.charged_at, after[0].certified_wh + lot.certified_wh, after[0].grey_wh + lot.grey_wh)
        after = after[1:]
    return _filled((*before, lot, *after))


def _filled(content: Sequence[Lot]) -> Content:
    return tuple(lot for lot in content if lot.left_wh)

"""The numbers of certificates: a device's Wh of one interval are numbered from 1, and no number is given twice.

A correction upwards issues a further bundle, whose numbers follow the last; one downwards withdraws the highest numbers
that still count, which never count again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from optimizers.certificates.allocation import Share
from shared.events.records import CertificateSlice


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Certificates issued at once: both ends belong to the range."""

    device_id: str
    producer_id: str
    range_start: int
    range_end: int
    charged_at: datetime | None = None


_Range = tuple[int, int]


def numbered(
    device_id: str, producer_id: str, shares: Sequence[Share], before: Sequence[CertificateSlice]
) -> tuple[list[Bundle], tuple[CertificateSlice, ...]]:
    """Give numbers to a device's shares of an interval.

    Args:
        device_id: The device.
        producer_id: Whose it is.
        shares: Where its energy ended, all of it.
        before: How its numbers were shared out so far, all of them; none the first time.

    Returns:
        The bundles that are newly issued, and how all numbers are shared out now.
    """
    last = max((earlier.range_end for earlier in before), default=0)
    live: defaultdict[datetime | None, list[_Range]] = defaultdict(list)
    slices = [earlier for earlier in before if earlier.purpose == "correction"]
    for earlier in before:
        if earlier.purpose != "correction":
            live[earlier.charged_at].append((earlier.range_start, earlier.range_end))
    by_lot: defaultdict[datetime | None, list[Share]] = defaultdict(list)
    for share in shares:
        by_lot[share.charged_at].append(share)
    issued = []
    # A device is a roof, whose energy has no lot, or a battery, whose energy has: the two are never compared.
    for charged_at in sorted({*live, *by_lot}):  # type: ignore[type-var]  # see the line above
        ranges = live[charged_at]
        missing_wh = sum(one.quantity_wh for one in by_lot[charged_at]) - sum(end - start + 1 for start, end in ranges)
        if missing_wh > 0:
            bundle = Bundle(
                device_id=device_id,
                producer_id=producer_id,
                range_start=last + 1,
                range_end=last + missing_wh,
                charged_at=charged_at,
            )
            issued.append(bundle)
            ranges.append((bundle.range_start, bundle.range_end))
            last = bundle.range_end
        slices += _cut(ranges, by_lot[charged_at], device_id, charged_at, producer_id)
    return issued, _joined(sorted(slices, key=lambda one: one.range_start))


def _joined(slices: Sequence[CertificateSlice]) -> tuple[CertificateSlice, ...]:
    """Make one of neighbours that ended alike, as corrections would go on cutting them."""
    joined: list[CertificateSlice] = []
    for one in slices:
        if joined and replace(one, range_start=joined[-1].range_start) == replace(joined[-1], range_end=one.range_end):
            joined[-1] = replace(joined[-1], range_end=one.range_end)
        else:
            joined.append(one)
    return tuple(joined)


def _cut(
    ranges: list[_Range], shares: Sequence[Share], device_id: str, charged_at: datetime | None, producer_id: str
) -> list[CertificateSlice]:
    """Deal out ranges to shares in order; what no share takes is withdrawn."""
    left = list(reversed(ranges))
    dealt = []
    for share in shares:
        dealt += [
            CertificateSlice(
                device_id=device_id,
                producer_id=producer_id,
                charged_at=charged_at,
                range_start=start,
                range_end=end,
                account_id=share.account_id,
                purpose=share.purpose,
                trade_id=share.trade_id,
                battery_id=share.battery_id,
            )
            for start, end in _deal(left, share.quantity_wh)
        ]
    dealt += [
        CertificateSlice(
            device_id=device_id,
            producer_id=producer_id,
            charged_at=charged_at,
            range_start=start,
            range_end=end,
            account_id=producer_id,
            purpose="correction",
        )
        for start, end in left
    ]
    return dealt


def _deal(left: list[_Range], quantity_wh: int) -> list[_Range]:
    dealt = []
    while quantity_wh > 0:
        start, end = left.pop()
        if end - start + 1 > quantity_wh:
            left.append((start + quantity_wh, end))
            end = start + quantity_wh - 1
        dealt.append((start, end))
        quantity_wh -= end - start + 1
    return dealt

"""The two register blocks that SunSpec has no model for, written as SunSpec model definitions.

64900, load profile: what a revenue meter remembers of the last intervals, newest first, so that a reader that was away
can fetch what it missed. `Start` is the interval's start in seconds since 1970; 0 marks a record not yet filled.

64901, dispatch: a schedule of a converter. One write of Start, W, Exp, Seq and Cmt (=1) together commits an entry:
"at Start, for one interval, run at W" (positive charges), to be accepted only before Start and before Exp. Of two
entries for one interval the one with the higher Seq holds. `Sts` says what became of the last commit; the accepted
entries of the running and coming intervals stand in the table, which is how a writer reads its command back. The
converter idles in an interval without an entry.
"""

from enum import IntEnum
from typing import Any

PROFILE_MODEL, DISPATCH_MODEL = 64_900, 64_901
# A week, so that the same hour of the same weekday is always among them.
PROFILE_RECORDS = 672
DISPATCH_ENTRIES = 8


class CommitStatus(IntEnum):
    """What became of the last commit."""

    NONE = 0
    ACCEPTED = 1
    MALFORMED = 2
    LATE = 3
    OUT_OF_BOUNDS = 4
    OUT_OF_ORDER = 5
    FULL = 6


def _point(name: str, kind: str, size: int = 1, *, writable: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "size": size, "access": "RW" if writable else "R"}


DEFINITIONS: dict[int, dict[str, Any]] = {
    PROFILE_MODEL: {
        "name": "load_profile",
        "points": [
            _point("ID", "uint16"),
            _point("L", "uint16"),
            _point("IntS", "uint16"),  # seconds an interval
            _point("Cap", "uint16"),  # records the meter can hold
            _point("Cnt", "uint16"),  # records it holds
            _point("Pad", "pad"),
            _point("Clk", "uint32", 2),  # what it takes for the time, seconds since 1970
        ],
        "groups": [
            {
                "name": "Rec",
                "count": PROFILE_RECORDS,
                "points": [_point("Start", "uint32", 2), _point("ImpWh", "uint32", 2), _point("ExpWh", "uint32", 2)],
            }
        ],
    },
    DISPATCH_MODEL: {
        "name": "dispatch",
        "points": [
            _point("ID", "uint16"),
            _point("L", "uint16"),
            _point("WhSto", "uint32", 2),  # energy stored
            _point("WhCap", "uint32", 2),  # energy it can store
            _point("Sts", "enum16"),
            _point("Cnt", "uint16"),  # entries in the table
            _point("Start", "uint32", 2, writable=True),
            _point("W", "int32", 2, writable=True),
            _point("Exp", "uint32", 2, writable=True),
            _point("Seq", "uint32", 2, writable=True),
            _point("Cmt", "uint16", writable=True),
            _point("Pad", "pad"),
        ],
        "groups": [
            {
                "name": "Ent",
                "count": DISPATCH_ENTRIES,
                "points": [
                    _point("Start", "uint32", 2),
                    _point("W", "int32", 2),
                    _point("Exp", "uint32", 2),
                    _point("Seq", "uint32", 2),
                ],
            }
        ],
    },
}

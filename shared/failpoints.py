"""Named places at which a recovery test kills the process; inactive unless SANDAN_FAILPOINT names one.

The places are where a crash hurts most: on either side of a database commit, and between a message's acknowledgement
and the note that it was sent.
"""

import os
import signal
from typing import Literal

Failpoint = Literal["before_database_commit", "before_offset_commit", "before_mark_sent"]

_armed: list[Failpoint] = []


def arm(name: Failpoint | None) -> None:
    """Choose the place at which this process will end, or None to let it live; called once, from the settings."""
    _armed[:] = [] if name is None else [name]


def reach(name: Failpoint) -> None:
    """Pass a named place. If it is the armed one the process ends here as by kill -9: nothing is flushed or closed."""
    if name in _armed:
        os.kill(os.getpid(), signal.SIGKILL)

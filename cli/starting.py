"""How a start waits: for as long as what is starting lives, saying for what, or no longer than a person allows."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.clock import monotonic_s

Say = Callable[[str], None]

LOOK_EVERY_S = 0.1
SAY_EVERY_S = 10.0


def without_fail(say: Say) -> Say:
    """Return a way of saying that says nothing where it can't, as on a full disk: nothing ends of it."""

    def attempt(message: str) -> None:
        with contextlib.suppress(OSError):
            say(message)

    return attempt


class StartStopped(Exception):  # noqa: N818 -- it says what happened: nothing went wrong
    """A person or the system wants no start any more."""


@dataclass(frozen=True)
class StartWait:
    """How long each wait of a start may last, and whether the start is still wanted.

    How long a start takes is the machine's affair: a small or busy one needs minutes for what takes seconds elsewhere.

    Attributes:
        wait_s_max: A person's limit; None: as long as what is waited for lives.
        stop: Set where nothing is to be started any more.
    """

    wait_s_max: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def until(self, done: Callable[[], bool], say: Say, what: Callable[[], str]) -> bool:
        """Wait until something is done; False where it took longer than allowed.

        Args:
            done: Looks whether it is; raises where it never will be.
            say: Is told from time to time what is waited for.
            what: Names it.

        Raises:
            StartStopped: `stop` was set meanwhile.
        """
        began_s = monotonic_s()
        say_at_s = began_s + SAY_EVERY_S
        while not done():
            now_s = monotonic_s()
            if self.wait_s_max is not None and now_s - began_s >= self.wait_s_max:
                return False
            if now_s >= say_at_s:
                say(f"waiting for {what()}, for {now_s - began_s:.0f} s so far")
                say_at_s = now_s + SAY_EVERY_S
            if self.stop.wait(LOOK_EVERY_S):
                raise StartStopped
        return True

"""One writer a database: threads that write take turns in one transaction, which is committed for all of them at once.

A commit takes milliseconds, whatever it holds, and one transaction at a time may write. Threads that each commit for
themselves wait for each other's disks. Here a thread that is done while another waits leaves the commit to that one,
and waits for it: n threads that come together wait for one commit instead of n.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RootTransaction

from shared.db.engine import DATABASE_FAULTS, LOCK_WAIT_S

# A way to begin a transaction of one's own, such as `engine.begin` and `Writer.begin`.
Begin = Callable[[], AbstractContextManager[Connection]]
# So many are committed together at most: the first of them waits for the last.
GROUP_MAX = 64
# A commit takes milliseconds; who waits longer looks whether anybody is going to make it.
LEFT_AFTER_S = 1.0


class _Group:
    """A transaction that several threads share, one after the other."""

    def __init__(self, engine: Engine) -> None:
        self.db: Connection = engine.connect()
        try:
            self.transaction: RootTransaction = self.db.begin()
        except BaseException:
            self.db.close()
            raise
        self.members = 0
        self.committed: Future[None] = Future()

    def commit(self) -> None:
        """Commit what all members did, and let them go on."""
        try:
            self.transaction.commit()
        except BaseException as fault:
            self.lose(fault)
            raise
        self.db.close()
        self.committed.set_result(None)

    def lose(self, fault: BaseException) -> None:
        """Undo what all members did, and tell those who wait why."""
        try:
            self.transaction.rollback()
        except sa.exc.SQLAlchemyError:
            # It is undone by the database, as nobody committed it.
            self.db.invalidate()
        self.db.close()
        self.committed.set_exception(fault)


class Writer:
    """What the threads of a process write to a database through."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._after_commit: list[Callable[[], None]] = []
        self._turn = threading.Lock()
        self._group: _Group | None = None
        self._counting = threading.Lock()
        self._waiting = 0
        self._tickets = 0
        # Who waited when the database could not be had need not find out again, one after the other.
        self._failed_through = 0
        self._fault: BaseException | None = None

    @property
    def waiting(self) -> int:
        """Return how many threads wait for their turn."""
        return self._waiting

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have something called after each commit, by the thread that made it."""
        self._after_commit.append(call)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Begin a transaction, as `engine.begin` does: it is committed when the block has ended.

        It has a savepoint of its own in what is committed together: what the block raises undoes nothing of the others.
        A fault of the database is everybody's, and nothing was done.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: One of DATABASE_FAULTS.
        """
        ticket = self._take_turn()
        try:
            group = self._group = self._group or self._new_group(ticket)
            with self._part_of(group) as db:
                yield db
            group.members += 1
        finally:
            try:
                self._end_turn()
            finally:
                self._turn.release()
        self._wait_for(group)

    def _wait_for(self, group: _Group) -> None:
        """Wait until a group is committed; whoever was to do that may have given up waiting for its turn."""
        while True:
            try:
                return group.committed.result(LEFT_AFTER_S)
            except TimeoutError:
                if self._turn.acquire(blocking=False):
                    try:
                        self._end_turn(left=group)
                    finally:
                        self._turn.release()

    def _take_turn(self) -> int:
        """Wait until nobody else writes, and return a number that grows with who came later."""
        with self._counting:
            self._tickets += 1
            ticket = self._tickets
            self._waiting += 1
        try:
            if not self._turn.acquire(timeout=LOCK_WAIT_S):
                raise sa.exc.TimeoutError(f"others have been writing for {LOCK_WAIT_S:.0f} s")
        finally:
            with self._counting:
                self._waiting -= 1
        return ticket

    def _new_group(self, ticket: int) -> _Group:
        if ticket <= self._failed_through and self._fault is not None:
            raise self._fault
        try:
            return _Group(self._engine)
        except DATABASE_FAULTS as fault:
            with self._counting:
                self._failed_through, self._fault = self._tickets, fault
            raise

    @contextmanager
    def _part_of(self, group: _Group) -> Iterator[Connection]:
        savepoint = group.db.begin_nested()
        try:
            yield group.db
            savepoint.commit()
        except DATABASE_FAULTS as fault:
            self._group = None
            group.lose(fault)
            raise
        except BaseException:
            savepoint.rollback()
            raise

    def _end_turn(self, *, left: _Group | None = None) -> None:
        """Commit, unless somebody waits who will; a group that was left is committed if nobody has taken it over."""
        group = self._group
        if group is None or (left is not None and left is not group):
            return
        with self._counting:
            goes_on = left is None and self._waiting > 0 and group.members < GROUP_MAX
        if not goes_on:
            self._group = None
            group.commit()
            for call in self._after_commit:
                call()

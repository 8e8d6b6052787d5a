"""Threads that write through one writer: committed together, undone apart, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import shared.db.writer
from shared.db.engine import open_engine, reading, service_url
from shared.db.migrating import upgrade
from shared.db.writer import Writer

METADATA = sa.MetaData()
NOTE = sa.Table("note", METADATA, sa.Column("text", sa.Text, primary_key=True))
THREADS = 8


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    upgrade(database_url, "planner")
    engine = open_engine(service_url(database_url, "planner"))
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def noted(engine: Engine) -> set[str]:
    with reading(engine) as db:
        return set(db.scalars(sa.select(NOTE.c.text)))


def together(writer: Writer, *works: Callable[[sa.Connection], None]) -> list[Future[None]]:
    """Let works begin while another one writes, so that they wait for one turn after the other."""
    began, go_on = threading.Event(), threading.Event()

    def write(work: Callable[[sa.Connection], None]) -> None:
        with writer.begin() as db:
            work(db)

    def first(db: sa.Connection) -> None:
        del db
        began.set()
        assert go_on.wait(10)

    with ThreadPoolExecutor(THREADS + 1) as threads:
        asked = [threads.submit(write, first)]
        assert began.wait(10)
        asked += [threads.submit(write, work) for work in works]
        while writer.waiting < len(works):
            pass
        go_on.set()
    return asked[1:]


def note(text: str) -> Callable[[sa.Connection], None]:
    def work(db: sa.Connection) -> None:
        db.execute(sa.insert(NOTE).values(text=text))

    return work


def test_threads_that_wait_are_committed_together(engine: Engine) -> None:
    writer = Writer(engine)
    told: list[set[str]] = []
    writer.after_commit(lambda: told.append(noted(engine)))

    answers = together(writer, *(note(f"n{number}") for number in range(THREADS)))

    assert [answer.result() for answer in answers] == [None] * THREADS
    # One commit, and what is told after it can be read by whoever is told.
    assert told == [{f"n{number}" for number in range(THREADS)}]


def test_one_that_fails_undoes_nothing_of_the_others(engine: Engine) -> None:
    writer = Writer(engine)

    def fail(db: sa.Connection) -> None:
        note("undone")(db)
        raise ZeroDivisionError

    before, failing, again, after = together(writer, note("before"), fail, note("before"), note("after"))

    assert after.result() is None
    with pytest.raises(ZeroDivisionError):
        failing.result()
    # Two wanted the same key: one of them has it.
    refused = [one for one in (before, again) if one.exception() is not None]
    assert [type(one.exception()) for one in refused] == [sa.exc.IntegrityError]
    assert noted(engine) == {"before", "after"}


def test_a_writer_goes_on_after_a_commit_that_failed_and_all_who_shared_it_know(engine: Engine) -> None:
    writer = Writer(engine)

    def full(db: sa.Connection) -> None:
        note("lost")(db)
        raise sa.exc.OperationalError("INSERT", {}, Exception("database or disk is full"))

    answers = together(writer, note("shared"), full)
    with writer.begin() as db:
        note("later")(db)

    assert isinstance(answers[1].exception(), sa.exc.OperationalError)
    # Whether it came before the fault, in the lost transaction, or after it: what was said is what is there.
    assert ("shared" in noted(engine)) == (answers[0].exception() is None)
    assert noted(engine) - {"shared"} == {"later"}


def test_who_leaves_the_commit_to_one_that_gives_up_makes_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.db.writer.LEFT_AFTER_S", 0.01)
    writer = Writer(engine)
    # Somebody waits for a turn, and gives up in the moment in which the commit is left to it.
    writer._waiting = 1

    with writer.begin() as db:
        note("left")(db)

    assert noted(engine) == {"left"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_waits_for_a_locked_database_is_told_once_for_all(engine: Engine, database_url: str) -> None:
    impatient = open_engine(service_url(database_url, "planner"), answer_s=None)
    sa.event.listen(impatient, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=300"))
    writer, tries = Writer(impatient), list[str]()
    sa.event.listen(impatient, "begin", lambda _: tries.append("begin"))

    with engine.begin(), ThreadPoolExecutor(THREADS) as threads:

        def write(number: int) -> str:
            try:
                with writer.begin() as db:
                    note(f"n{number}")(db)
            except sa.exc.OperationalError as fault:
                return str(fault.orig)
            return "committed"

        told = list(threads.map(write, range(THREADS)))

    assert told == ["database is locked"] * THREADS
    # Not one after the other: those who waited while the first one tried did not try again.
    assert len(tries) < THREADS
    with writer.begin() as db:
        note("unlocked")(db)
    assert noted(engine) == {"unlocked"}
    impatient.dispose()


def test_while_one_that_writes_is_paused_nobody_else_is_acknowledged(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(engine)
    began, go_on = threading.Event(), threading.Event()

    def paused() -> None:
        with writer.begin() as db:
            db.execute(sa.insert(NOTE).values(text="paused"))
            began.set()
            assert go_on.wait(60)

    def hurried(text: str) -> None:
        with writer.begin() as db:
            db.execute(sa.insert(NOTE).values(text=text))

    with ThreadPoolExecutor(THREADS) as threads:
        slow = threads.submit(paused)
        assert began.wait(60)
        monkeypatch.setattr(shared.db.writer, "LOCK_WAIT_S", 0.2)
        told = [threads.submit(hurried, f"hurried {number}").exception(60) for number in range(3)]
        assert not slow.done()
        monkeypatch.undo()
        go_on.set()
        slow.result(60)
        threads.submit(hurried, "later").result(60)

    assert [type(fault) for fault in told] == [sa.exc.TimeoutError] * 3
    assert noted(engine) == {"paused", "later"}


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}"
    upgrade(url, "planner")
    engine = open_engine(service_url(url, "planner"))
    METADATA.create_all(engine)
    with engine.connect() as db:
        pages = db.scalar(sa.text("PRAGMA page_count"))
    # As of a disk on which so many pages are free.
    limit = {"pages": pages + 20}

    @sa.event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    writer = Writer(engine)

    def write(number: int) -> str:
        text = f"{number} {'x' * 20_000}"
        with writer.begin() as db:
            db.execute(sa.insert(NOTE).values(text=text))
        return text

    with ThreadPoolExecutor(THREADS) as threads:
        asked = [threads.submit(write, number) for number in range(24)]
    faults = [fault for one in asked if (fault := one.exception()) is not None]
    acknowledged = {one.result() for one in asked if one.exception() is None}

    assert faults
    assert all("full" in str(fault) for fault in faults)
    assert noted(engine) == acknowledged
    limit["pages"] = pages + 1_000
    assert write(99) in noted(engine)
    engine.dispose()

"""A service's database on a shared machine."""

import os
import stat
from pathlib import Path

import pytest

from shared.db.engine import open_engine, reading, service_url


@pytest.fixture
def _open_machine() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_machine")
def test_a_database_and_its_journals_are_its_owner_s_alone(tmp_path: Path) -> None:
    engine = open_engine(service_url(f"sqlite:///{tmp_path}", "market"))
    with engine.begin() as db:
        db.exec_driver_sql("CREATE TABLE bid (price INTEGER)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    with reading(engine) as db:
        kept = db.exec_driver_sql("SELECT count(*) FROM bid").scalar()
    engine.dispose()

    assert kept == 0
    assert modes == {"market.db": 0o600, "market.db-wal": 0o600, "market.db-shm": 0o600}

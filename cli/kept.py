"""Databases that a deployment left behind, for verbs that look into them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db.engine import open_engine, reading, service_url
from shared.db.revisions import require_newest
from shared.errors import BadInput
from shared.paths import DEPLOYMENTS


def database_of(folder: Path | None) -> str:
    """Return the database to read: the folder's, the environment's, or that of the deployment that ran last."""
    if folder is not None:
        if not (folder / "data").is_dir():
            raise BadInput(
                where="command line", field="--folder", rule="must be a deployment's folder", value=str(folder)
            )
        return f"sqlite:///{folder / 'data'}"
    if named := os.environ.get("SANDAN_DATABASE_URL"):
        return named
    databases = sorted(DEPLOYMENTS.glob("**/data/market.db"), key=lambda path: path.stat().st_mtime)
    if not databases:
        hint = "name a deployment with --folder, or set SANDAN_DATABASE_URL"
        raise BadInput(where=str(DEPLOYMENTS), field="market.db", rule="must exist", value="none found", hint=hint)
    return f"sqlite:///{databases[-1].parent}"


@contextmanager
def kept_by(service: str, base_url: str) -> Iterator[Connection]:
    """Open a service's database of a deployment for reading."""
    url = service_url(base_url, service)
    shown = url.render_as_string(hide_password=True)
    if url.drivername == "sqlite" and not Path(url.database or "").is_file():
        raise BadInput(where=shown, field="database", rule="must exist", value="no such file")
    engine = open_engine(url, answer_s=None)
    try:
        require_newest(engine, service)
        with reading(engine) as db:
            yield db
    except sa.exc.DatabaseError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise BadInput(where=shown, field="database", rule="must answer", value=reason) from None
    finally:
        engine.dispose()

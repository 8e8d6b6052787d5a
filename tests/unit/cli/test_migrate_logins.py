"""`sandan migrate --logins`: whose file is refused before a database is asked."""

import json
from pathlib import Path

import pytest

from cli.migrate import migrate
from shared.errors import BadInput
from shared.events.topics import SERVICES

POSTGRESQL = "postgresql://owner@127.0.0.1:1/none"


@pytest.mark.parametrize(
    "written",
    [[], {}, "x", 1, {"fems": "secret"}, dict.fromkeys(SERVICES, ""), {**dict.fromkeys(SERVICES, "s"), "more": "s"}],
    ids=str,
)
def test_a_file_without_each_service_s_password_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: object
) -> None:
    monkeypatch.setenv("SANDAN_DATABASE_URL", POSTGRESQL)
    path = tmp_path / "logins.json"
    path.write_text(json.dumps(written), encoding="utf-8")

    with pytest.raises(BadInput, match="must have a password for each of fems"):
        migrate(logins=path)


def test_sqlite_has_no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDAN_DATABASE_URL", f"sqlite:///{tmp_path}")

    with pytest.raises(BadInput, match="must be for PostgreSQL"):
        migrate(logins=tmp_path / "logins.json")

"""`sandan migrate`: bring every service's database to the newest schema."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Pretty, print_answer, read_json
from shared.errors import BadInput


def migrate(
    draft: Annotated[
        str | None,
        typer.Option(help="For developers: write a revision for this service's changed tables. / 개발용: 새 리비전."),
    ] = None,
    logins: Annotated[
        Path | None,
        typer.Option(
            help="Passwords by service (JSON): let each sign in to PostgreSQL as itself. / 서비스별 비밀번호(JSON)."
        ),
    ] = None,
    message: Annotated[str, typer.Option(help="What the new revision does. / 새 리비전의 설명.")] = "Change the tables",
    *,
    pretty: Pretty = False,
) -> None:
    """Bring the databases of all services to the newest schema. / 데이터베이스 스키마를 최신으로 올립니다.

    The databases are those that SANDAN_DATABASE_URL names, without it files in var/data. / 대상은 SANDAN_DATABASE_URL의
    데이터베이스이며, 없으면 var/data의 파일입니다.

    --logins gives each service a login of its own name, which reaches its own schema alone; SANDAN_DATABASE_URL is then
    their owner's. / --logins는 서비스마다 자기 스키마만 쓰는 로그인을 만들며, SANDAN_DATABASE_URL은 스키마 소유자여야
    합니다.

    Example: sandan migrate
    """
    from shared.db.logins import grant_login
    from shared.db.migrating import draft_revision, upgrade
    from shared.events.topics import SERVICES
    from shared.settings import DeploymentSettings, load

    if draft is not None:
        if draft not in SERVICES:
            raise BadInput(where="command line", field="--draft", rule=f"must be one of {SERVICES}", value=draft)
        draft_revision(draft, importlib.import_module(f"services.{draft}.store").METADATA, message)
        return
    base_url = load(DeploymentSettings).database_url
    passwords = {} if logins is None else _passwords(logins, base_url, SERVICES)
    newest = {service: upgrade(base_url, service) for service in SERVICES}
    for service, password in passwords.items():
        grant_login(base_url, service, password)
    print_answer(newest, pretty=pretty)


def _passwords(path: Path, base_url: str, services: Sequence[str]) -> dict[str, str]:
    """Read the password of each service's login.

    Raises:
        BadInput: The file names others than the services, has something else, or the database has no logins.
    """
    if not base_url.startswith("postgresql"):
        raise BadInput(where="command line", field="--logins", rule="must be for PostgreSQL", value=str(path))
    read = read_json(path)
    passwords: dict[str, str] = read if isinstance(read, dict) else {}
    if set(passwords) != set(services) or not all(isinstance(text, str) and text for text in passwords.values()):
        rule = f"must have a password for each of {', '.join(services)}"
        raise BadInput(where=str(path), field="$", rule=rule, value=", ".join(passwords))
    return passwords

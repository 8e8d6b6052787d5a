"""`sandan migrate`: bring every service's database to the newest schema."""

import importlib
from typing import Annotated

import typer

from cli.output import Pretty, print_answer
from shared.errors import BadInput


def migrate(
    draft: Annotated[
        str | None,
        typer.Option(help="For developers: write a revision for this service's changed tables. / 개발용: 새 리비전."),
    ] = None,
    message: Annotated[str, typer.Option(help="What the new revision does. / 새 리비전의 설명.")] = "Change the tables",
    *,
    pretty: Pretty = False,
) -> None:
    """Bring the databases of all services to the newest schema. / 데이터베이스 스키마를 최신으로 올립니다.

    The databases are those that SANDAN_DATABASE_URL names, without it files in var/data. / 대상은 SANDAN_DATABASE_URL의
    데이터베이스이며, 없으면 var/data의 파일입니다.

    Example: sandan migrate
    """
    from shared.db.migrating import draft_revision, upgrade
    from shared.events.topics import SERVICES
    from shared.settings import DeploymentSettings, load

    if draft is not None:
        if draft not in SERVICES:
            raise BadInput(where="command line", field="--draft", rule=f"must be one of {SERVICES}", value=draft)
        draft_revision(draft, importlib.import_module(f"services.{draft}.store").METADATA, message)
        return
    base_url = load(DeploymentSettings).database_url
    print_answer({service: upgrade(base_url, service) for service in SERVICES}, pretty=pretty)

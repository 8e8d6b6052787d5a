"""`sandan migrate`: bring every service's database to the newest schema."""

import importlib
from typing import Annotated

import typer

from cli.output import Pretty, print_answer
from shared.db.migrating import draft_revision, upgrade
from shared.errors import BadInput
from shared.events.topics import SERVICES
from shared.settings import DeploymentSettings, load


def migrate(
    draft: Annotated[
        str | None, typer.Option(help="For developers: write a new revision for this service's changed tables.")
    ] = None,
    message: Annotated[str, typer.Option(help="What the new revision does.")] = "Change the tables",
    *,
    pretty: Pretty = False,
) -> None:
    """Bring the databases of all services to the newest schema. / 데이터베이스 스키마를 최신으로."""
    if draft is not None:
        if draft not in SERVICES:
            raise BadInput(where="command line", field="--draft", rule=f"must be one of {SERVICES}", value=draft)
        draft_revision(draft, importlib.import_module(f"services.{draft}.store").METADATA, message)
        return
    base_url = load(DeploymentSettings).database_url
    print_answer({service: upgrade(base_url, service) for service in SERVICES}, pretty=pretty)

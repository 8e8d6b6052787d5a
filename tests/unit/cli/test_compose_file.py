"""docker-compose.yml: what each container may do, whom it reaches, and as whom it reaches the database."""

from typing import Any

import pytest
import yaml

from shared.events.topics import SERVICES
from shared.paths import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
# The project's own image sets its user, and the broker's image does; tests/compose asks the containers themselves.
USER_OF_IMAGE = {"sandan:local", "apache/kafka:4.1.0"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_keeps_the_six_rules(name: str) -> None:
    container = CONTAINERS[name]

    assert container["image"] in USER_OF_IMAGE or container["user"] not in {"root", "0"}
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "cpus"} <= container.keys()


def test_simulator_and_gateway_alone_are_on_the_field_network() -> None:
    networks = {name: set(container["networks"]) for name, container in CONTAINERS.items()}

    assert {name for name, found in networks.items() if "field" in found} == {"simulator", "fems"}
    assert networks["simulator"] == {"field"}
    assert COMPOSE["networks"]["field"] == {"internal": True}


def test_every_service_has_a_login_and_a_password_of_its_own() -> None:
    urls = {name: CONTAINERS[name]["environment"]["SANDAN_DATABASE_URL"] for name in SERVICES}

    for name, url in urls.items():
        assert url == f"postgresql://{name}:${{{name.upper()}_DATABASE_PASSWORD:-}}@postgres:5432/sandan"
    # The owner's password is known to those that make the schemas.
    owners = {name for name, one in CONTAINERS.items() if "${POSTGRES_PASSWORD" in str(one.get("environment"))}
    assert owners == {"postgres", "prepare"}
    assert "SANDAN_DATABASE_URL" not in CONTAINERS["simulator"]["environment"]

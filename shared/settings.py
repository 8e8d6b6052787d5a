"""Settings from the environment: read once, frozen, unknown names refused. The only reader of the environment."""

import os
import re
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.errors import BadInput, BadInputs
from shared.failpoints import Failpoint
from shared.paths import DEMO_COMPLEX
from shared.validation import rule_of


class DeploymentSettings(BaseSettings):
    """What all processes of one deployment share; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="SANDAN_", frozen=True, extra="ignore", env_ignore_empty=True)

    complexes: tuple[Path, ...] = Field(default=(DEMO_COMPLEX,), description="Complex files, as a JSON list of paths.")
    database_url: str = Field(default="sqlite:///var/data", description="Folder for SQLite, or a PostgreSQL database.")
    database_timeout_s: float = Field(
        default=30.0, gt=0, le=3_600, description="Seconds that one answer of the database is waited for."
    )
    kafka_bootstrap_servers: str = Field(
        default="127.0.0.1:9092",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        description="The broker, host:port,host:port; if set, `demo` and `up` use it instead of starting one.",
    )
    kafka_client: Literal["librdkafka", "kafka-python"] = Field(
        default="librdkafka",
        description="`librdkafka`, or `kafka-python`, which takes more processor time.",
    )
    kafka_user: str | None = Field(
        default=None,
        max_length=200,
        description="User for SASL_SSL with SCRAM-SHA-512, `{service}` for the service's name; unset: plain, no user.",
    )
    kafka_password_file: Path | None = Field(
        default=None, description="File of the user's password; `{service}` in the path is the service's name."
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="PEM of who signed the brokers' certificates; unset: whom the system trusts."
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,49})?$",
        description="Before the name of each topic and group, where several deployments share a cluster.",
    )
    replication_factor: int | None = Field(
        default=None, ge=1, le=9, description="Copies of each message; unset: 3 where there are 3 brokers, else 1."
    )
    min_insync_replicas: int | None = Field(
        default=None,
        ge=1,
        le=9,
        description="Copies that a message must have to count as sent; unset: 2 of 3, else 1.",
    )
    clock_file: Path | None = Field(default=None, description="A simulated clock's file; unset: the wall clock.")
    run_dir: Path = Field(
        default=Path("var/run"), description="Folder of the heartbeat files, and of where each process's clock was."
    )
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`."
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65_000, description="First of seven ports for Prometheus; unset: none."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of these ports.")
    failpoint: Failpoint | None = Field(
        default=None, description="Recovery tests only: where the process kills itself."
    )

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _host_and_port(cls, servers: str) -> str:
        for server in servers.split(","):
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004 -- TCP's own limit
                raise ValueError("must be host:port, several separated by commas")
        return servers


S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """Read one frozen settings model from the environment.

    Raises:
        BadInputs: A setting breaks its rule, or the environment has a name with the model's prefix that it lacks.
    """
    prefix = settings.model_config.get("env_prefix", "")
    known = {f"{prefix}{name}".upper() for name in settings.model_fields}
    problems = [
        BadInput(where="environment", field=name, rule=f"must be a setting of {settings.__name__}", value=value)
        for name, value in sorted(os.environ.items())
        if prefix and name.upper().startswith(prefix) and name.upper() not in known
    ]
    try:
        loaded = settings()
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            name = str(fault["loc"][0]) if fault["loc"] else "settings"
            shown = name if name.isupper() else f"{prefix}{name}".upper()
            problems.append(
                BadInput(where="environment", field=shown, rule=rule_of(fault["msg"]), value=fault.get("input", ""))
            )
        raise BadInputs(problems) from None
    except SettingsError as error:
        # A list that is not JSON: pydantic-settings says so before it validates.
        named = re.search(r'field "(\w+)"', str(error))
        name = f"{prefix}{named[1] if named else '*'}".upper()
        raise BadInput(where="environment", field=name, rule="must be JSON", value=os.environ.get(name, "")) from None
    if problems:
        raise BadInputs(problems)
    return loaded


def made_folder(path: Path, *, setting: str) -> Path:
    """Return a folder that a setting names, made if it was not there.

    Raises:
        BadInput: It can't be made or written in.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        allowed = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        allowed = False
    if not allowed:
        raise BadInput(where="environment", field=setting, rule="must be a folder that can be written", value=str(path))
    return path

"""How a process gets into a cluster that lets in only whom it knows."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import BadInput
from shared.settings import DeploymentSettings

# Stands in a setting for the name of the service, so that one setting gives each a user of its own.
SERVICE = "{service}"
# Who makes and checks the topics, in the same place.
OPERATOR = "operator"
MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class Entry:
    """A user of a cluster that speaks SASL_SSL with SCRAM-SHA-512.

    Attributes:
        user: The name.
        password: What only this user knows.
        ca_file: Certificates (PEM) of who signs those of the brokers; None: those that the system trusts.
    """

    user: str
    password: str = field(repr=False)
    ca_file: Path | None = None


def entry_of(settings: DeploymentSettings, service: str) -> Entry | None:
    """Return how a service gets in; None where the settings name no user, and nothing is encrypted.

    Raises:
        BadInput: Of user and password only one is set, or a file can't be read.
    """
    user, password_file, ca_file = settings.kafka_user, settings.kafka_password_file, settings.kafka_ca_file
    if not user:
        for name, value in (("SANDAN_KAFKA_PASSWORD_FILE", password_file), ("SANDAN_KAFKA_CA_FILE", ca_file)):
            if value is not None:
                raise BadInput(where="environment", field=name, rule="must stand beside SANDAN_KAFKA_USER", value=value)
        return None
    if password_file is None:
        rule = "must stand beside SANDAN_KAFKA_PASSWORD_FILE"
        raise BadInput(where="environment", field="SANDAN_KAFKA_USER", rule=rule, value=user)
    password = _read(Path(str(password_file).replace(SERVICE, service)), "SANDAN_KAFKA_PASSWORD_FILE").strip()
    if ca_file is not None:
        _read(ca_file, "SANDAN_KAFKA_CA_FILE")
    return Entry(user.replace(SERVICE, service), password, ca_file)


def _read(file: Path, setting: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            where="environment", field=setting, rule="must be a text file that can be read", value=str(file)
        ) from None

import os
from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import BadInput, BadInputs
from shared.paths import DEMO_COMPLEX
from shared.settings import DeploymentSettings, load


class PumpSettings(BaseSettings):
    """A service's own settings."""

    model_config = SettingsConfigDict(env_prefix="PUMP_", frozen=True)

    pressure_bar: int = Field(default=3, ge=1)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("SANDAN_", "PUMP_", "KAFKA_")):
            monkeypatch.delenv(name)


def problems(monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], **environment: str) -> list[str]:
    """Return what is wrong with an environment, line by line."""
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    with pytest.raises((BadInput, BadInputs)) as caught:
        load(settings)
    return str(caught.value).splitlines()


def test_an_empty_environment_is_the_demo_on_sqlite() -> None:
    settings = load(DeploymentSettings)

    assert settings.complexes == (DEMO_COMPLEX,)
    assert settings.database_url == "sqlite:///var/data"
    assert settings.clock_file is None
    assert settings.failpoint is None


def test_settings_are_read_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDAN_COMPLEXES", '["a.yaml", "b.yaml"]')
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "one:9092,[::1]:9093")
    monkeypatch.setenv("SANDAN_CLOCK_FILE", "")
    monkeypatch.setenv("PUMP_PRESSURE_BAR", "7")

    settings = load(DeploymentSettings)

    assert settings.complexes == (Path("a.yaml"), Path("b.yaml"))
    assert settings.kafka_bootstrap_servers == "one:9092,[::1]:9093"
    assert settings.clock_file is None
    assert load(PumpSettings).pressure_bar == 7


def test_a_misspelt_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(monkeypatch, PumpSettings, PUMP_PRESURE_BAR="7") == [
        "environment: PUMP_PRESURE_BAR must be a setting of PumpSettings, was '7'"
    ]


def test_a_bad_value_is_refused_by_name_rule_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    [message] = problems(monkeypatch, PumpSettings, PUMP_PRESSURE_BAR="0")

    assert message == "environment: PUMP_PRESSURE_BAR must be greater than or equal to 1, was '0'"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost", "must be host:port, several separated by commas, was 'localhost'"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:70000", "must be host:port, several separated by commas"),
        ("SANDAN_LOG_LEVEL", "loud", "was 'loud'"),
        (
            "SANDAN_FAILPOINT",
            "somewhere",
            "must be 'before_database_commit', 'before_offset_commit' or 'before_mark_sent'",
        ),
    ],
)
def test_a_bad_deployment_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str) -> None:
    [message] = problems(monkeypatch, DeploymentSettings, **{name: text})

    assert message.startswith(f"environment: {name} ")
    assert problem in message


def test_all_problems_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(monkeypatch, PumpSettings, PUMP_PRESSURE_BAR="x", PUMP_VOLUME="1")

    assert [line.split()[1] for line in found] == ["PUMP_VOLUME", "PUMP_PRESSURE_BAR"]


def test_a_list_that_is_not_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(monkeypatch, DeploymentSettings, SANDAN_COMPLEXES="a.yaml") == [
        "environment: SANDAN_COMPLEXES must be JSON, was 'a.yaml'"
    ]

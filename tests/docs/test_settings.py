""".env.example and the README name exactly the settings that the code has."""

import importlib
import json
import re
from enum import Enum
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from cli.up import Configuration
from shared.paths import ROOT

ENV_LINE = re.compile(r"^#([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def settings_of_the_code() -> dict[str, str]:
    """Return every setting's name and its default as text, of all settings models in the tree."""
    modules = ["shared.settings"]
    modules += [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.glob("services/**/__main__.py"))
    ]
    found: dict[str, str] = {}
    for name in modules:
        module = importlib.import_module(name)
        for model in vars(module).values():
            if isinstance(model, type) and issubclass(model, BaseSettings) and model.__module__ == name:
                found |= _settings_of(model)
    return found


def _settings_of(model: type[BaseSettings]) -> dict[str, str]:
    prefix = model.model_config.get("env_prefix", "")
    return {
        str(field.validation_alias or f"{prefix}{name}".upper()): _text(field.default)
        for name, field in model.model_fields.items()
    }


def _text(default: object) -> str:
    """Write a default as a person would in an environment file."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return json.dumps([_text(one) for one in default])
    if isinstance(default, Path) and default.is_absolute():
        return str(default.relative_to(ROOT))
    return str(default.value if isinstance(default, Enum) else default)


def test_env_example_names_every_setting_with_its_default() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert dict(ENV_LINE.findall(text)) == settings_of_the_code()
    assert len(ENV_LINE.findall(text)) == len(settings_of_the_code())


@pytest.mark.parametrize("name", sorted(settings_of_the_code()))
def test_readme_names_the_setting(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_names_no_other_setting() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("### Settings", 1)[1].split("\n### ", 1)[0]

    assert set(re.findall(r"^\| `([A-Z0-9_]+)` \|", table, re.MULTILINE)) == set(settings_of_the_code())


def test_readme_names_the_fields_of_the_configuration_file() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("### The configuration file", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]

    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == set(Configuration.model_fields)

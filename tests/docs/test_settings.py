"""The file of settings and the table of the configuration file name exactly what the code has."""

import re

from cli.docs_settings import default_text, models, settings_of
from cli.supervisor import Configuration
from shared.paths import ROOT

ENV_LINE = re.compile(r"^#([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def settings_of_the_code() -> dict[str, str]:
    """Return every setting's name and its default as text, of all settings models in the tree."""
    return {name: default_text(field.default) for model in models() for name, field in settings_of(model).items()}


def test_env_example_names_every_setting_with_its_default() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert dict(ENV_LINE.findall(text)) == settings_of_the_code()
    assert len(ENV_LINE.findall(text)) == len(settings_of_the_code())


def test_deployment_guide_names_the_fields_of_the_configuration_file() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    table = text.split("\n## The configuration file\n", 1)[1].split("\n## ", 1)[0]

    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == set(Configuration.model_fields)

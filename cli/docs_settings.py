"""Settings as a document: what each process reads from the environment."""

import importlib
import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.paths import ROOT

HEAD = """# Settings

*Made from the code by `make docs`; do not edit it by hand.*

Each process reads its settings from the environment, once, at its start. A name with one of the prefixes below that is
no setting is refused. [.env.example](../../.env.example) has all settings with their defaults, commented out. An empty
default means: not set. `sandan demo`, `sandan up` and `docker-compose.yml` set what they need by themselves. How to use
the settings is in [Deploy](../deploy.md).
"""


def models() -> Iterator[type[BaseSettings]]:
    """Yield every settings model of the tree: the deployment's first, then those of the processes by module."""
    modules = ["shared.settings"]
    modules += [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.glob("services/**/__main__.py"))
    ]
    for name in modules:
        for model in vars(importlib.import_module(name)).values():
            if isinstance(model, type) and issubclass(model, BaseSettings) and model.__module__ == name:
                yield model


def settings_of(model: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Return a model's settings by the name that they have in the environment."""
    prefix = model.model_config.get("env_prefix", "")
    return {
        str(field.validation_alias or f"{prefix}{name}".upper()): field for name, field in model.model_fields.items()
    }


def default_text(default: object) -> str:
    """Write a default as a person would in an environment file; empty: not set."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return json.dumps([default_text(item) for item in default])
    if isinstance(default, Path) and default.is_absolute():
        return str(default.relative_to(ROOT))
    return str(default.value if isinstance(default, Enum) else default)


def markdown() -> str:
    """Return docs/reference/settings.md."""
    lines = [HEAD]
    for model in models():
        title = "All processes" if model.__module__ == "shared.settings" else f"`{_package(model)}`"
        lines += [f"## {title}", "", "| setting | default | range | meaning |", "|---|---|---|---|"]
        lines += [_row(name, field) for name, field in settings_of(model).items()]
        lines.append("")
    return "\n".join(lines)


def _package(model: type[BaseSettings]) -> str:
    return model.__module__.removesuffix(".__main__")


def _row(name: str, field: FieldInfo) -> str:
    default = default_text(field.default)
    shown = f"`{default}`" if default else ""
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{name}` | {shown} | {_range(field)} | {meaning} |"


def _range(field: FieldInfo) -> str:
    """Return which numbers a setting may be."""
    words = []
    for rule in field.metadata:
        match rule:
            case Ge(ge=bound):
                words.append(f"from {bound}")
            case Gt(gt=bound):
                words.append(f"above {bound}")
            case Le(le=bound):
                words.append(f"to {bound}")
    return " ".join(words)

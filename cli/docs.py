"""`python -m cli.docs`: write the documents that are made from code (make docs)."""

import json
from pathlib import Path

from cli import docs_api, docs_cli, docs_metrics, docs_settings
from shared.events import asyncapi
from shared.paths import ROOT


def documents() -> dict[Path, str]:
    """Return each generated document's path and text."""
    docs = ROOT / "docs"
    return {
        docs / "events.md": asyncapi.markdown(),
        docs / "asyncapi.json": json.dumps(asyncapi.document(), indent=1, ensure_ascii=False) + "\n",
        docs / "reference" / "cli.md": docs_cli.markdown(),
        docs / "reference" / "api.md": docs_api.markdown(),
        docs / "reference" / "settings.md": docs_settings.markdown(),
        docs / "reference" / "metrics.md": docs_metrics.markdown(),
    }


def main() -> None:
    """Write the generated documents."""
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""`python -m cli.docs`: write the documents that are made from code (make docs)."""

import json

from shared.events import asyncapi
from shared.paths import ROOT


def main() -> None:
    """Write docs/events.md and docs/asyncapi.json."""
    docs = ROOT / "docs"
    (docs / "events.md").write_text(asyncapi.markdown(), encoding="utf-8")
    text = json.dumps(asyncapi.document(), indent=1, ensure_ascii=False)
    (docs / "asyncapi.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

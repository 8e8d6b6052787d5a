"""The generated documents say what the code says."""

import json

from shared.events import asyncapi
from shared.paths import ROOT


def test_events_page_is_not_stale() -> None:
    assert (ROOT / "docs" / "events.md").read_text(encoding="utf-8") == asyncapi.markdown(), "run: make docs"


def test_asyncapi_file_is_not_stale() -> None:
    written = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))

    assert written == json.loads(json.dumps(asyncapi.document())), "run: make docs"


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads(json.dumps(asyncapi.document()))

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            here = [node["$ref"]] if "$ref" in node else []
            return here + [found for child in node.values() for found in references(child)]
        return [found for child in node for found in references(child)] if isinstance(node, list) else []

    for reference in references(document):
        target: object = document
        for part in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            assert part in target, reference
            target = target[part]

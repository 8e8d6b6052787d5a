"""The OpenAPI document: what the framework knows of each call, and what all calls have in common."""

from fastapi import FastAPI

from services.trading_api.http.problems import CONTENT_TYPE, KINDS
from services.trading_api.text import JsonObject

# What the framework believes to answer a bad request with; ours are problems.
FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
TEXT = {"type": "string"}
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, or a JSON Web Token of the identity provider that the deployment trusts, if any. "
    "The token is signed with RS256, ES256 or Ed25519, names its key (`kid`), and claims `iss`, `aud`, `sub`, `jti`, "
    "`iat`, `exp`, `complex_id`, `role` (factory, operator or planner) and, for a factory, `participant_id`.",
}
PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457; facts of the sentence, such as `limit` or `gate_closure`, are members as well.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {**TEXT, "description": "Stable: urn:sandan:problem: and the code with hyphens."},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": {**TEXT, "description": "A sentence in the caller's language (Accept-Language: ko or en)."},
        "code": {**TEXT, "enum": sorted(KINDS)},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule", "limit", "value"],
                "properties": {"field": TEXT, "rule": TEXT, "limit": {"type": ["string", "null"]}, "value": TEXT},
            },
        },
    },
    "additionalProperties": True,
}


class DescribedApp(FastAPI):
    """An application whose document names keys and problems."""

    def openapi(self) -> JsonObject:
        """Return the document; it is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            components = document["components"]
            for name in FRAMEWORKS_OWN:
                components["schemas"].pop(name, None)
            components["schemas"]["Problem"] = PROBLEM
            components["securitySchemes"] = {"key": BEARER}
            for path, calls in document["paths"].items():
                for call in calls.values():
                    _describe(call, needs_key=path.startswith("/api/"))
        return super().openapi()


def _describe(call: JsonObject, *, needs_key: bool) -> None:
    call["responses"].pop("422", None)
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    call["responses"]["default"] = {"description": "A problem.", "content": content}
    if needs_key:
        call["security"] = [{"key": []}]

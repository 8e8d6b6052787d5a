"""The HTTP API as a document: its calls with their roles, the shapes of bodies and answers, and the problems."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.trading_api.app import ROUTERS
from services.trading_api.http.description import DescribedApp
from services.trading_api.http.problems import KINDS
from services.trading_api.roles import roles_with

HEAD = """# HTTP API

*Made from the code by `make docs`; do not edit it by hand.*

A running system has the same in OpenAPI 3.1 at `/openapi.json`. What travels on the bus is at `/asyncapi.json` and in
[events](../events.md). How to call the API, with examples: [factories](../factories.md), [operators](../operators.md),
[planners](../planners.md).

- Calls under `/api/v1` need `Authorization: Bearer KEY`: an API key, or a token of the
  [identity provider](../deploy.md#tokens-of-an-identity-provider).
- JSON in snake_case. Energy, prices and quantities are decimal strings in the unit of their name, money is whole won.
- Times are ISO 8601 in UTC. A delivery interval is named by its start and lasts 15 minutes.
- Lists come in pages: `limit`, and `cursor` with the `next_cursor` of the page before.
- Unknown and repeated query parameters, unknown fields, and bodies of calls that take none are refused with 422.
- Errors are [problems](#problems) (RFC 9457, `application/problem+json`), in Korean with `Accept-Language: ko`.
- Rate limits: the headers `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` tell the quota; beyond it the
  answer is 429 with `Retry-After`.
"""
STRINGS = {"date-time": "instant", "date": "day", "uuid": "UUID"}
METHODS = ("get", "post", "put", "patch", "delete")


def markdown() -> str:
    """Return docs/reference/api.md."""
    app = DescribedApp(title="Sandan trading API", version="1")
    for router in ROUTERS:
        app.include_router(router)
    document = app.openapi()
    calls = list(_calls(document))
    lines = [HEAD, "## Calls", "", "| call | roles | does |", "|---|---|---|"]
    lines += [f"| [`{name}`](#{_anchor(name)}) | {roles} | {_first_line(call)} |" for name, roles, call in calls]
    for name, roles, call in calls:
        lines += ["", *_call(name, roles, call)]
    lines += ["", "## Shapes", "", "`PageOut` shapes are lists: `items`, and `next_cursor` or null."]
    for name, schema in sorted(document["components"]["schemas"].items()):
        if not name.startswith("PageOut_"):
            lines += ["", *_shape(name, schema)]
    lines += ["", "## Problems", "", "| `code` | status | `detail` |", "|---|---|---|"]
    lines += [f"| `{code}` | {kind.status} | {_cell(kind.en)} |" for code, kind in KINDS.items()]
    return "\n".join(lines) + "\n"


def _calls(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each call's name (method and path), its roles, and its description in OpenAPI."""
    routes: list[Any] = [route for router in ROUTERS for route in router.routes]
    roles = {f"{method} {route.path}": _roles(route) for route in routes for method in route.methods}
    for path, by_method in document["paths"].items():
        for method in METHODS:
            if method in by_method:
                name = f"{method.upper()} {path}"
                yield name, roles[name], by_method[method]


def _roles(route: Any) -> str:
    return "anyone" if route.needs is None else ", ".join(roles_with(route.needs))


def _call(name: str, roles: str, call: dict[str, Any]) -> list[str]:
    """Return the lines of one call: what it does, for whom, its parameters, body and answers."""
    lines = [f"### {name}", "", call.get("description", "").strip(), "", f"Roles: {roles}.", ""]
    if parameters := call.get("parameters"):
        lines += ["| parameter | in | type | default | meaning |", "|---|---|---|---|---|"]
        for parameter in parameters:
            schema = parameter["schema"]
            default = "required" if parameter["required"] else _default(schema)
            meaning = _cell(parameter.get("description", ""))
            lines.append(f"| `{parameter['name']}` | {parameter['in']} | {_type(schema)} | {default} | {meaning} |")
        lines.append("")
    if body := call.get("requestBody"):
        lines.append(f"Body: {_content(body)}.")
        lines.append("")
    answers = [(status, one) for status, one in sorted(call["responses"].items()) if status != "default"]
    lines += [f"- {status}: {_content(answer)}" for status, answer in answers]
    return lines


def _content(part: Mapping[str, Any]) -> str:
    """Return a body's or an answer's shape."""
    shapes = [_type(one["schema"]) for one in part.get("content", {}).values() if one.get("schema")]
    kinds = [kind for kind, one in part.get("content", {}).items() if not one.get("schema")]
    said = part.get("description", "")
    words = [*shapes, *kinds, *([said] if said and said != "Successful Response" else [])]
    return "; ".join(words) or "no content"


def _shape(name: str, schema: dict[str, Any]) -> list[str]:
    lines = [f"### {name}", ""]
    if said := schema.get("description"):
        lines += [said.strip(), ""]
    if "enum" in schema:
        return [*lines, ", ".join(f"`{value}`" for value in schema["enum"])]
    required = set(schema.get("required", ()))
    lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field, of_field in schema.get("properties", {}).items():
        default = "" if field in required else _default(of_field) or "optional"
        lines.append(f"| `{field}` | {_type(of_field)} | {default} | {_cell(of_field.get('description', ''))} |")
    return lines


def _type(schema: Mapping[str, Any]) -> str:
    """Return a schema's type in a few words; shapes are links."""
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", 1)[1]
        item = name.removeprefix("PageOut_").removesuffix("_")
        return f"{'page of ' if item != name else ''}[{item}](#{item.lower()})"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(option) for option in options))
    if choices := schema.get("enum") or ("const" in schema and [schema["const"]]):
        return " or ".join(f"`{choice}`" for choice in choices)
    return _plain_type(schema)


def _plain_type(schema: Mapping[str, Any]) -> str:
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
        case "string":
            return STRINGS.get(schema.get("format", ""), "string")
        case "object":
            values = schema.get("additionalProperties")
            return f"object of {_type(values)}" if isinstance(values, dict) and values else "object"
        case list() as several:
            return " or ".join(several)
        case str() as name:
            return name
        case _:
            return "any"


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _first_line(call: Mapping[str, Any]) -> str:
    return _cell(call.get("description", "").split("\n\n")[0])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _anchor(heading: str) -> str:
    """Return the anchor that a renderer makes of a heading."""
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")

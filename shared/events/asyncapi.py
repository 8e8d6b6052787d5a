"""The table of topics as documents: AsyncAPI 3.0 for machines, docs/events.md for people. `make docs` writes them."""

import re
from collections.abc import Iterable
from typing import Any

from shared.events.base import Event
from shared.events.topics import PARTITIONS, TOPICS, Topic


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of all topics."""
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for event in _events():
        schema = event.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[event.__name__] = schema
        messages[event.event_type()] = {
            "name": event.event_type(),
            "summary": _first_line(event),
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
            "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        }
    schemas["CloudEventHeaders"] = _HEADERS
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sandan",
            "version": "1",
            "description": "Facts that the services of an industrial complex publish to Kafka; "
            "CloudEvents 1.0 in binary mode.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operation(topic, service) for topic in TOPICS for service in _users(topic)),
        "components": {"messages": messages, "schemas": schemas},
    }


def markdown() -> str:
    """Return docs/events.md."""
    lines = [
        "# Events",
        "",
        "Made from `shared/events/topics.py` by `make docs`; a test fails when it is stale.",
        f"Every topic has {PARTITIONS} partitions; the events of a complex lie in one of them, in order.",
        "Bodies are JSON, CloudEvents 1.0 attributes are in the headers.",
        "",
        "| topic | key | events | from | to | kept |",
        "|---|---|---|---|---|---|",
    ]
    for topic in TOPICS:
        names = ", ".join(f"[{event.__name__}](#{event.__name__.lower()})" for event in topic.events)
        key, readers = "/".join(topic.key), ", ".join(topic.consumers)
        lines.append(
            f"| `{topic.name}` | `{key}` | {names} | {topic.producer} | {readers} | {topic.retention.days} d |"
        )
    for event in _events():
        lines += ["", f"## {event.__name__}", "", f"`{event.event_type()}`. {_prose(event)}", ""]
        lines += ["| field | type | needed |", "|---|---|---|"]
        schema = event.model_json_schema()
        required = schema.get("required", [])
        for name, field in schema["properties"].items():
            lines.append(f"| `{name}` | {_type_of(field)} | {'yes' if name in required else 'no'} |")
    return "\n".join(lines) + "\n"


_HEADERS = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_source": {"type": "string", "description": "/sandan/<service>"},
        "ce_type": {"type": "string", "description": "sandan.<Event>.v<N>"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "The complex."},
        "content-type": {"const": "application/json"},
    },
}


def _events() -> Iterable[type[Event]]:
    return dict.fromkeys(event for topic in TOPICS for event in topic.events)


def _users(topic: Topic) -> tuple[str, ...]:
    return (topic.producer, *topic.consumers)


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Key: {'/'.join(topic.key)}.",
        "messages": {
            event.event_type(): {"$ref": f"#/components/messages/{event.event_type()}"} for event in topic.events
        },
        "bindings": {
            "kafka": {
                "partitions": PARTITIONS,
                "topicConfiguration": {"retention.ms": int(topic.retention.total_seconds() * 1000)},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: Topic, service: str) -> tuple[str, dict[str, Any]]:
    action = "send" if service == topic.producer else "receive"
    name = f"{service}.{action}.{topic.name}"
    return name, {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}, "tags": [{"name": service}]}


def _prose(event: type[Event]) -> str:
    return re.sub(r"\s+", " ", event.__doc__ or "").strip()


def _first_line(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().splitlines()[0]


def _type_of(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type_of(option) for option in field["anyOf"])
    if "$ref" in field:
        return f"`{field['$ref'].rsplit('/', 1)[-1]}`"
    if field.get("type") == "array":
        return f"list of {_type_of(field.get('items', {}))}"
    return str(field.get("format") or field.get("type", "any"))

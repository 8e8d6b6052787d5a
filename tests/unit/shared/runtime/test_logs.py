"""What a log line says, and how often."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.runtime.logs import log_as_json


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Return what is written to stderr while the root logger writes lines."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    # `log_as_json` closes the handlers that it finds, and pytest's own go on.
    root.handlers = []
    log_as_json("INFO")
    yield stream
    root.setLevel(level)
    root.handlers = handlers


def test_line_has_level_logger_message_and_facts_in_that_order(lines: io.StringIO) -> None:
    facts = {"auction_id": "구미 18:00", "matched_kwh": Decimal("7.250"), "gate": datetime(2026, 5, 20, 9, tzinfo=UTC)}
    logging.getLogger("services.market").info("auction %s", "cleared", extra=facts)

    assert lines.getvalue() == (
        '{"level": "INFO", "logger": "services.market", "message": "auction cleared", "auction_id": "구미 18:00", '
        '"matched_kwh": "7.250", "gate": "2026-05-20 09:00:00+00:00"}\n'
    )


def test_exception_is_one_line_with_its_trace(lines: io.StringIO) -> None:
    try:
        int("no price")
    except ValueError:
        logging.getLogger("services.market").exception("loop failed", extra={"retry_s": 5})

    [line] = lines.getvalue().splitlines()
    said = json.loads(line)
    assert said.keys() == {"level", "logger", "message", "retry_s", "trace"}
    assert said["trace"].startswith("Traceback (most recent call last):\n")
    assert said["trace"].endswith("ValueError: invalid literal for int() with base 10: 'no price'")


def test_what_is_below_the_level_is_not_written(lines: io.StringIO) -> None:
    logging.getLogger("services.market").debug("book loaded")

    assert lines.getvalue() == ""

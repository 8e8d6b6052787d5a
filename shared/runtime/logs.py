"""Logs: one JSON line a record on stderr, and no more of the same than a person reads."""

import logging
import sys
import threading
from collections import Counter

from pythonjsonlogger.json import JsonFormatter

from shared.clock import monotonic_s

# Nobody reads more of one message, and what a client or a broken disk can repeat must not fill the next disk.
REPEATS_PER_MIN_MAX = 20
MINUTE_S = 60.0
# What a line has first, and the names under which people search for it.
FIELDS = ("levelname", "name", "message")
NAMES = {"levelname": "level", "name": "logger", "exc_info": "trace"}


class Repeats(logging.Filter):
    """Let a warning or an error through so often a minute; the first of the next minute says how many were left out."""

    def __init__(self, most_per_min: int = REPEATS_PER_MIN_MAX) -> None:
        super().__init__()
        self._most = most_per_min
        self._lock = threading.Lock()
        self._minute = 0
        self._seen: Counter[tuple[str, str]] = Counter()
        self._left_out: Counter[tuple[str, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is written."""
        if record.levelno < logging.WARNING:
            return True
        message = (record.name, str(record.msg))
        with self._lock:
            minute = int(monotonic_s() // MINUTE_S)
            if minute != self._minute:
                self._minute = minute
                self._left_out = Counter({key: seen - self._most for key, seen in self._seen.items()})
                self._seen.clear()
            self._seen[message] += 1
            if self._seen[message] > self._most:
                return False
            left_out = self._left_out.pop(message, 0)
        if left_out > 0:
            record.left_out_before = left_out
        return True


def log_as_json(level: str) -> None:
    """Write every log record to stderr as one JSON line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(FIELDS, rename_fields=NAMES, json_default=str, json_ensure_ascii=False))
    handler.addFilter(Repeats())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)

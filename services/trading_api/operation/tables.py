"""The table of messages that services set aside."""

from services.trading_api.db.metadata import instant, table, text

DEAD_LETTER = table("dead_letter", "letter_id", *text("service", "topic", "place", "reason"), *instant("set_aside_at"))

"""The states of a study."""

# Whatever is said of a study after its end changes nothing.
ENDED = frozenset({"completed", "failed", "cancelled"})

"""The numbered logs: the live stream and the audit chain."""

"""Automatic bidding, as a factory or the operator wants it."""

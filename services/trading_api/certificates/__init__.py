"""Granular certificates."""

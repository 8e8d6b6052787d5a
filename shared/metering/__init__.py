"""Meter readings that services keep and learn from."""

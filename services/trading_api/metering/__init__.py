"""Readings and devices."""

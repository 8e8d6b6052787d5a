"""Audit and dead letters."""

"""Forecasts and how good they were."""

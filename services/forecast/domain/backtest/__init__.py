"""Forecasts of a site's history as they would have been issued, and their scores."""

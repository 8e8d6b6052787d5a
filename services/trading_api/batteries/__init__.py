"""Batteries: charge, plans, set-points."""

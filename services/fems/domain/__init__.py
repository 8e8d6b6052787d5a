"""Calculations of the field: factories, sun, batteries, the register map, the admission of set-points."""

"""Granular certificates: who ends up with an interval's, under which numbers, and what batteries hold of them."""

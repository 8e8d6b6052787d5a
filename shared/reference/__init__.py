"""Dated reference data of Korea (tariffs, prices, holidays, legal modes), as their files state it."""

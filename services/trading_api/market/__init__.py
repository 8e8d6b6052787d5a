"""Auctions, trades, the calendar, halts, limits and suspensions."""

"""Settled intervals, statements, invoices."""

"""Settlement: trades and metered energy into a ledger, and a statement a day. It never sees an order."""

"""Where weather forecasts come from: one small interface, its adapters, and who serves when another fails."""

"""Solar and load forecasts: every interval, 24 hours ahead, P10, P50 and P90."""

"""The HTTP calls: shapes, who may call, and nothing of the market's rules."""

"""What the market has said that orders must keep."""

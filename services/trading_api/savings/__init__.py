"""What trading and batteries saved: of readings, plans and settled intervals together."""

"""Orders of participants."""

"""What all calls have in common."""

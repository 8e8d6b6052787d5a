"""What all tables and queries have in common."""

"""Orders, for whoever makes them and whoever takes them in: the rules in force, admission, and automatic bids."""

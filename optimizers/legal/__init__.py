"""Who may sell how much to whom under a legal mode, and which rule says so. Pure."""

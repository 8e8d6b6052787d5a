"""Who may see what, what state an order is in, and how facts read on the wire. No I/O."""

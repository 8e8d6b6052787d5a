"""Who may call: keys, tokens, console sessions."""

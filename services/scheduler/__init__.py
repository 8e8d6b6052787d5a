"""Plans the batteries, commands them, and bids for the participants that opted in."""

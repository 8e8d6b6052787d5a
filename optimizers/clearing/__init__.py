"""Uniform-price call auctions on a radial network: exact, deterministic, with a proof of each answer."""

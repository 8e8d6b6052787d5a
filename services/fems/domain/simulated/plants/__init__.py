"""Made-up plants: what a factory with shifts, machines and batches consumes, as a function of its seed and time."""

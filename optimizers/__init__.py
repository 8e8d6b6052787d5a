"""Pure calculations: clearing, ESS schedules, tariffs. No I/O, clock, randomness, logging, events or SQL."""

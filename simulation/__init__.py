"""The system in one process, for tests and simulations: a bus in memory and a clock set by hand."""

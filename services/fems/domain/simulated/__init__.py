"""The physics of simulated devices: synthetic factories, roofs and batteries, exact and repeatable."""

"""Pure calculations of the forecast service: solar physics, seasons and how fast today's news fades."""

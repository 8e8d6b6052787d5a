"""What every process does alike: the run loop, start and stop, logs, metrics, the heartbeat."""

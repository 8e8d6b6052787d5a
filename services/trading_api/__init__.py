"""The way in for factories, operators and planners: HTTP calls, a live stream, the console, and their read model."""

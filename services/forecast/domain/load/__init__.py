"""What a model is told of a factory's load."""

"""Solar power: clear-sky physics, weather forecasts, learned geometry, and what a model is told of a roof."""

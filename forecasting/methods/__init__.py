"""One forecasting method a file. A new one: a function of a scene here, a line in registry.py."""

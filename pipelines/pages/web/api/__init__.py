"""The API for programs, health and metrics."""

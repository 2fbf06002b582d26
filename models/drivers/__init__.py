"""Why it changed: segments, mix and rate, combinations, candidate causes."""

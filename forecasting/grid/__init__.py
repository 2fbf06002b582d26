"""A long frame in, a matrix of slots out: open, missing, outage, special day."""

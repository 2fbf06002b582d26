"""How good probabilities are: calibration, scores, out of time."""

"""One series by itself: anomaly scores and change points."""

"""What stands behind the figures: models, data and help."""

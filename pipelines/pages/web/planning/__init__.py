"""Forecast with scenarios and adjustments, and staffing with its sliders."""

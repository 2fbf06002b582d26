"""Kaplan-Meier and intervals, for all rooms."""

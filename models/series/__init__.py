"""KPI series side by side, their kind, and how surprising a value is."""

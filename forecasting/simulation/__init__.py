"""The same played event by event, to check formula and plan."""

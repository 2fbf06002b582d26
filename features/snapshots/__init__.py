"""Cases as they were known at an instant: the rows that models learn from."""

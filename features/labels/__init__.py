"""What came of a case, and from when that was known."""

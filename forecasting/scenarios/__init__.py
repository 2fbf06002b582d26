"""What may come: sample paths, their sums, and what if."""

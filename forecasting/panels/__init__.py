"""Many series at once: that add up, that are young, that are very many."""

"""The list of the morning: ranked, with reasons, within a budget."""

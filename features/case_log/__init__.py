"""The canonical tables, and the log as it stood at any instant."""

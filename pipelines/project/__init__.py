"""A deskcast.toml, checked, and the log that it describes."""

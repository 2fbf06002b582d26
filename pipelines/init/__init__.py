"""From an export to a commented deskcast.toml."""

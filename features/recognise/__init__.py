"""What an unknown export is, each guess with its reason."""

"""The command line: one command for each part of a user's day."""

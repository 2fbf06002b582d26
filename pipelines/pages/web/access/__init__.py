"""Who asks: hosts, sessions, passwords, tokens and how often; roles and what they may."""

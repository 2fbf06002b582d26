"""How many agents, and how sure that is."""

"""Who works when, and who serves which queue."""

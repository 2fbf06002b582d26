"""When the desk is open, and how time is cut into periods."""

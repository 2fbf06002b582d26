"""Results, memory and record: whole or absent."""

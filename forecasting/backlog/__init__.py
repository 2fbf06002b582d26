"""Work that can wait until it is due."""

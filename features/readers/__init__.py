"""Bytes or a database in, a frame of text out; times read."""

"""One source system a file: rename and cast to the canonical tables. A new system: a file here, a line in load.py."""

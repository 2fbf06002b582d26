"""What was promised, how much of it is used, and whether it held. A preset: presets.py."""

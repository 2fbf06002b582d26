"""What was promised, how much of it is used, and whether it held. A preset: presets.py."""

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"milestones": "milestones"})

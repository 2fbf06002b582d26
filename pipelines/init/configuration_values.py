"""How a value is written into the configuration file."""

from __future__ import annotations

import json
import os
from pathlib import Path


def write_path(path: Path, folder: Path) -> str:
    """Write a path as seen from the folder of the configuration."""
    try:
        near = Path(os.path.relpath(path.resolve(), folder.resolve()))
    except ValueError:  # another drive
        return path.resolve().as_posix()
    return near.as_posix()


def write_duration(seconds: float) -> str:
    """Write a duration in its largest whole unit.

    >>> write_duration(300), write_duration(604800), write_duration(5400)
    ('5min', '7d', '90min')
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{round(seconds // size)}{unit}"
    return f"{seconds:g}s"


def write_sentence(words: str) -> str:
    """Write words as a sentence: a capital first, a full stop last."""
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def write_text(value: str) -> str:
    """Write a text as a quoted value."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

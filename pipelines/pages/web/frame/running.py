"""Whether a run is at work: it fills a folder beside the results until they are whole."""

from __future__ import annotations

from pathlib import Path

from ....store.atomic_replace import find_staging_folder


def is_run_in_progress(results: Path) -> bool:
    """Return whether a run is making new results now; its folder is asked for, and its lock is left alone.

    Examples
    --------
    >>> import tempfile
    >>> is_run_in_progress(Path(tempfile.mkdtemp()) / "results")
    False
    """
    return find_staging_folder(results).is_dir()

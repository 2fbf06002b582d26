"""A project folder that was moved or copied: its MLflow store still names the old place, and here it is led to the new.

MLflow writes the whole path of an experiment's artifacts into its database. After a move it would make the old folder
again, and after a copy it would write into the original, or fail where that is another machine's or another user's.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ...features.errors import InputError

#: Folder beside the database that holds the artifacts.
ARTIFACTS_FOLDER = "mlruns"
#: Tables of MLflow's database with a place in the file system, and the columns that hold it.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_BUSY_TIMEOUT_S = 30.0


def follow_moved_folder(place: Path) -> int:
    """Let every place of a store that lay in ``mlruns`` beside the database lie beside it again.

    A place that was chosen, such as ``s3://`` or a folder that was never beside the database, stays as it is.

    Parameters
    ----------
    place
        The sqlite database.

    Returns
    -------
    int
        How many places were changed.

    Raises
    ------
    InputError
        If the database cannot be read or written.
    """
    new = (place.parent / ARTIFACTS_FOLDER).as_uri()
    try:
        with closing(sqlite3.connect(place, timeout=_BUSY_TIMEOUT_S)) as database, database:
            old = _former_roots(database, new)
            return sum(_lead(database, *column, root, new) for root in old for column in _PLACES)
    except sqlite3.Error as error:
        raise InputError(
            f"the tracking store cannot be opened: {error}", where=str(place), code="tracking.unavailable"
        ) from error


def find_former_roots(database: sqlite3.Connection, place: Path) -> list[str]:
    """Return the addresses of ``mlruns`` in which this store's experiments lay, and no longer do."""
    return _former_roots(database, (place.parent / ARTIFACTS_FOLDER).as_uri())


def _former_roots(database: sqlite3.Connection, new: str) -> list[str]:
    if "artifact_location" not in _columns(database, "experiments"):
        return []  # a database of something else, or one that MLflow has yet to fill
    rows = database.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
    roots = {_root(str(number), str(name), str(location or "")) for number, name, location in rows}
    return sorted(root for root in roots if root and root != new)


def _root(number: str, name: str, location: str) -> str:
    """Return the address of ``mlruns`` where a location is one that deskcast or MLflow gives by itself, else nothing.

    >>> _root("1", "deskcast", "file:///home/ann/desk/mlruns/deskcast")
    'file:///home/ann/desk/mlruns'
    >>> _root("1", "deskcast", "s3://bucket/mlruns/deskcast"), _root("1", "deskcast", "/data/artifacts/deskcast")
    ('', '')
    """
    parts = urlsplit(location)
    path = PurePosixPath(unquote(parts.path))
    own = path.parent.name == ARTIFACTS_FOLDER and path.name in (number, name, usual_name(name))
    return location.rpartition("/")[0] if own and parts.scheme in ("", "file") else ""


def usual_name(name: str) -> str:
    """Return the folder of an experiment in ``mlruns``.

    >>> usual_name("desk/one: two")
    'desk_one_ two'
    """
    return re.sub(r"[^\w\-./ ]", "_", str(name), flags=re.ASCII)[:250].replace("/", "_")


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")}


def _lead(database: sqlite3.Connection, table: str, column: str, old: str, new: str) -> int:
    if column not in _columns(database, table):
        return 0
    changed = database.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
        (new, len(old) + 1, len(old) + 1, f"{old}/"),
    )
    return changed.rowcount

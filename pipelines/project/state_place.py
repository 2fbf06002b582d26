"""Where a desk keeps what it remembers: beside its results, or in a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Days for which what was issued is kept: a year, and a month to look back at it.
DEFAULT_KEEP_DAYS = 400.0


@dataclass(frozen=True)
class StatePlace:
    """Where the state of a results folder is.

    Attributes
    ----------
    results
        The results folder.
    database
        Address of a PostgreSQL database; a SQLite file beside the results where it is empty.
    keep_days
        Days for which what was issued is kept.
    desk
        Name of the desk: the state of another one is refused. Empty where it is beside its results, and needs none.

    Examples
    --------
    >>> StatePlace(Path("desk/results")).file.as_posix()
    'desk/results-state/state.db'
    """

    results: Path
    database: str = ""
    keep_days: float = DEFAULT_KEEP_DAYS
    desk: str = ""

    @property
    def folder(self) -> Path:
        """Folder of the SQLite file, and of the files of earlier versions."""
        return self.results.with_name(f"{self.results.name}-state")

    @property
    def file(self) -> Path:
        """The SQLite file, used where no database is named."""
        return self.folder / "state.db"


def place_of(where: StatePlace | Path) -> StatePlace:
    """Return the place of the state of a results folder; a place stays as it is.

    >>> place_of(Path("results")) == StatePlace(Path("results"))
    True
    """
    return where if isinstance(where, StatePlace) else StatePlace(Path(where))

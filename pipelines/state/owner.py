"""Whose state it is: the name of the desk is written into it, and that of another desk is refused."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ...features.errors import InputError
from ..project.state_place import StatePlace
from .schema import MARKS

_DESK = "desk"


def find_owner(connection: Connection) -> str | None:
    """Return the name of the desk that a state belongs to; ``None`` where no desk has named itself in it yet."""
    found = connection.execute(select(MARKS.c.value).where(MARKS.c.name == _DESK)).scalar()
    return None if found is None else str(found)


def check_owner(connection: Connection, place: StatePlace, *, claim: bool = False) -> None:
    """Refuse the state of another desk; a desk without a name, and a state without one, are not looked at.

    Parameters
    ----------
    connection
        In a transaction.
    place
        With the name of this desk.
    claim
        Write the name of this desk into a state that has none.

    Raises
    ------
    InputError
        If the state belongs to a desk of another name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sqlalchemy import create_engine
    >>> from .migrations import bring_up_to_date
    >>> north, south = (StatePlace(Path(name), "postgresql://db", desk=name) for name in ("north", "south"))
    >>> with create_engine("sqlite://").begin() as state:
    ...     _ = bring_up_to_date(state)
    ...     check_owner(state, north, claim=True)
    ...     check_owner(state, south)
    Traceback (most recent call last):
    deskcast.features.errors.InputError: [state]: key 'database': this state belongs to another desk; got 'south', \
expected 'north' (give each desk a database or schema of its own; if this is the same desk, set desk = "north")
    """
    if not place.desk:
        return
    owner = find_owner(connection)
    if owner is None:
        if claim:
            connection.execute(MARKS.insert().values(name=_DESK, value=place.desk))
        return
    if owner != place.desk:
        hint = "give each desk a database or schema of its own; if this is the same desk, "
        raise InputError(
            "this state belongs to another desk",
            where="[state]",
            column="database",
            got=place.desk,
            wanted=f"'{owner}'",
            hint=f'{hint}set desk = "{owner}"',
            code="state.unavailable",
        )

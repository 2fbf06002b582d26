"""The version of the schema, and the steps from one version to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
from sqlalchemy import Connection, func, inspect, select, text

from ...features.errors import InputError
from .schema import ALARMS_WAITING, ISSUED_GOALS, METADATA, SAVED, SCHEMA_VERSION

#: Version of the schema that this deskcast writes.
CURRENT_VERSION = 3


def _add_alarms_and_saved(connection: Connection) -> None:
    ALARMS_WAITING.create(connection, checkfirst=True)
    SAVED.create(connection, checkfirst=True)


def _add_segments_of_goals(connection: Connection) -> None:
    if "series" not in {column["name"] for column in inspect(connection).get_columns(ISSUED_GOALS.name)}:
        connection.execute(text(f"ALTER TABLE {ISSUED_GOALS.name} ADD COLUMN series TEXT"))
        connection.execute(ISSUED_GOALS.update().values(series="all"))  # a goal was for the whole desk until then


#: Version -> the step that leads to it from the one before; each is done in a transaction of its own. A new database
#: is made as of today, so a step only changes what older ones lack.
MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {2: _add_alarms_and_saved, 3: _add_segments_of_goals}


def find_version(connection: Connection) -> int | None:
    """Return the version of the schema of a database; ``None`` where it has none yet.

    >>> from sqlalchemy import create_engine
    >>> with create_engine("sqlite://").begin() as state:
    ...     before, made = find_version(state), bring_up_to_date(state)
    ...     before, made, find_version(state)
    (None, True, 3)
    """
    if not inspect(connection).has_table(SCHEMA_VERSION.name):
        return None
    found = connection.execute(select(func.max(SCHEMA_VERSION.c.version))).scalar()
    return None if found is None else int(found)


def bring_up_to_date(connection: Connection, *, only_ask: bool = False) -> bool:
    """Do one step towards the schema of today; False where there is none left to do.

    Parameters
    ----------
    connection
        In a transaction that ends with the step.
    only_ask
        Tell whether there is a step, and do nothing.

    Raises
    ------
    InputError
        If the state was written by a newer deskcast.
    """
    version = find_version(connection)
    if version is not None and version > CURRENT_VERSION:
        raise InputError(
            f"the state is of a newer deskcast (schema {version}, this one knows {CURRENT_VERSION})",
            where="the state",
            hint="update deskcast; nothing was changed",
            code="state.unavailable",
        )
    if version == CURRENT_VERSION:
        return False
    if only_ask:
        return True
    if version is None:
        METADATA.create_all(connection)
        done = CURRENT_VERSION
    else:
        done = version + 1
        MIGRATIONS[done](connection)
    connection.execute(SCHEMA_VERSION.insert().values(version=done, migrated_at=pd.Timestamp.now("UTC")))
    return True

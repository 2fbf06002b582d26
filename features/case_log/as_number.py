"""Numbers of an engine: PostgreSQL turns no flag into a wide number at once, the others do."""

from __future__ import annotations

from typing import Any


def as_float(value: Any) -> Any:
    """Return an Ibis column as ``float64``: a number as it is, a flag as 0 or 1, missing where it is missing.

    >>> import ibis
    >>> rows = ibis.memtable({"a": [True, False, None]})
    >>> as_float(rows.a).sum().execute()
    1.0
    """
    return (value.cast("int32") if value.type().is_boolean() else value).cast("float64")

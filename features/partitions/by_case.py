"""A log cut into parts by its cases: what is made of each part by itself is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ibis
import pandas as pd
from pandas.api.types import union_categoricals

from ..case_log.backends import materialise
from ..case_log.bounded_engine import find_backend
from ..case_log.cache import compute_once
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from .runners import RUNNERS, Frames
from .shared import SharedFacts, share

#: Cases of a part, so that what is made of it at once stays below a few hundred megabytes.
CASES_PER_PART = 150_000
#: From frames of cases and their events, and what all parts share, to one frame or several by name.
Make = Callable[[pd.DataFrame, pd.DataFrame | None, SharedFacts], Frames]


def by_case(
    log: CaseLog,
    make: Make,
    schema: Mapping[str, Any],
    parts: int | None = None,
    *,
    known: Mapping[Any, Any] | None = None,
    backend: str | None = None,
) -> Any:
    """Make something of each part of the cases, and put it together.

    Cases are spread over parts by a hash of their id, each with all its events, so that what ``make`` returns of a case
    must not depend on other cases: then the rows are the same with any number of parts, in an order that the caller
    settles.

    Parameters
    ----------
    log
        A log with ``cases``.
    make
        Gets the cases of a part, their events (``None`` where the log has none) and what all parts share, and returns
        a frame, or several by name. It must be picklable where it runs in other processes.
    schema
        Column -> dtype of the frame; or name -> such a mapping where there are several.
    parts
        How many; by default so many that each is small.
    known
        Values that the whole log told, for :class:`~deskcast.features.partitions.SharedFacts`.
    backend
        ``loop`` (one after the other), ``loky`` (processes), ``dask`` (its running client, or threads) or ``spark``
        (for a log on Spark); by default that of the log's engine.

    Returns
    -------
    A frame with the columns of ``schema``, or several by name.

    Raises
    ------
    InputError
        If a backend needs an extra that is not installed, or ``spark`` gets a log that lies elsewhere.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2", "3"], "created_at": ["2024-03-01T09:00Z"] * 3})
    >>> log = CaseLog.from_frames(cases=cases)
    >>> def count_part(cases, moments, shared):
    ...     return pd.DataFrame({"case_id": cases["case_id"], "n": 1})
    >>> by_case(log, count_part, {"case_id": "str", "n": "int64"}, parts=2)["n"].tolist()
    [1, 1, 1]
    """
    wanted = find_parts(log) if parts is None else parts
    engine = _engine_of(log)
    chosen = backend or ("spark" if getattr(engine, "name", "") == "pyspark" else find_backend(engine)) or "loop"
    made = list(RUNNERS[chosen](log, make, share(log, known or {}), wanted, cut_part))
    several = {name: kinds for name, kinds in schema.items() if isinstance(kinds, Mapping)}
    if several:
        return {name: _put_together([part[name] for part in made], kinds) for name, kinds in several.items()}
    return _put_together(made, schema)


def find_parts(log: CaseLog) -> int:
    """Return into how many parts a log is cut: one, unless it lies on an engine that is held to its memory.

    >>> find_parts(CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})))
    1
    """
    if not log.has("cases") or find_backend(_engine_of(log)) is None:
        return 1
    return compute_once(log, "parts", lambda: _count_parts(log))


def _count_parts(log: CaseLog) -> int:
    cases = log.table("cases")
    return max(1, -(-int(fetch(cases.agg(n=cases.count()))["n"].iloc[0]) // CASES_PER_PART))


def cut_part(log: CaseLog, number: int, parts: int) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the cases of one part, and their events."""
    names = [name for name in ("cases", "events") if log.has(name)]
    tables = {name: log.table(name) for name in names}
    if parts > 1:
        tables = compute_once(log, "tables to cut", lambda: {n: _near(rows) for n, rows in tables.items()})
        tables = {name: rows.filter(_bucket(rows, parts) == number) for name, rows in tables.items()}
    cases, moments = (fetch(tables[name]) if name in tables else None for name in ("cases", "events"))
    assert cases is not None
    return cases, moments


def _near(rows: Any) -> Any:
    """Copy rows into the engine where it is DuckDB: each part goes through all of them, in files at twice the cost."""
    return materialise(rows) if rows.get_backend().name == "duckdb" else rows


def _bucket(rows: Any, parts: int) -> Any:
    rest = rows.case_id.hash() % parts
    return ibis.ifelse(rest < 0, rest + parts, rest)


def _engine_of(log: CaseLog) -> Any:
    return log.table("cases").get_backend()


def _put_together(made: list[pd.DataFrame], kinds: Mapping[str, Any]) -> pd.DataFrame:
    full = [part for part in made if len(part)] or made[:1]
    plain = {name: kind for name, kind in kinds.items() if not isinstance(kind, pd.CategoricalDtype)}
    whole = pd.concat([part[list(plain)].astype(plain) for part in full], ignore_index=True)
    for name in kinds:
        if name not in plain:
            whole[name] = union_categoricals([part[name] for part in full])
    return whole[list(kinds)]

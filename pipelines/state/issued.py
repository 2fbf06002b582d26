"""What was issued, as frames: each row with the instant, model and scope of its issuing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from ...features.arrays import Floats
from .issue import quantile_names
from .schema import ISSUED_TABLES, ISSUES, TEXTS

#: Columns that say of which issuing a row is.
ISSUE_COLUMNS = ("scope", "as_of", "data_until", "made_at", "model")
#: Scopes of risks that are of another outcome than a breach.
OUTCOME_SCOPES = ("dissatisfaction", "escalation")
#: Ending of the scope of what a version that runs beside the one in use says.
SHADOW = " shadow"
#: Columns that hold numbers of names, and what they are called as names.
_NAMED = {
    "series_id": "unique_id",
    "case_id": "case_id",
    "action_id": "action",
    "goal_id": "name",
    "alert_id": "alert_id",
}


def read_issues(connection: Connection | None, kind: str | None = None) -> pd.DataFrame:
    """Return the acts of issuing, the oldest first: ``issue_id, kind``, ``ISSUE_COLUMNS`` and ``settings``."""
    columns = ["issue_id", "kind", *ISSUE_COLUMNS, "settings"]
    rows: Any = []
    if connection is not None:
        wanted = select(*[ISSUES.c[name] for name in columns]).order_by(ISSUES.c.issue_id)
        rows = connection.execute(wanted if kind is None else wanted.where(ISSUES.c.kind == kind)).all()
    found = pd.DataFrame(rows, columns=columns)
    times = dict.fromkeys(("as_of", "data_until", "made_at"), "datetime64[us, UTC]")
    found = found.astype({"issue_id": "int64", "kind": "str", "scope": "str", "model": "str", **times})
    return found.assign(settings=[json.loads(text) for text in found["settings"]])


def read_issued(
    connection: Connection | None, kind: str, until: pd.Timestamp | None = None, at: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Return what was issued of one kind, with the instant and model of each row.

    Parameters
    ----------
    connection
        From :func:`~deskcast.pipelines.state.database.read_state`.
    kind
        A key of :data:`~deskcast.pipelines.state.schema.ISSUED_TABLES`.
    until
        Leave out what was issued of a later instant.
    at
        Leave out what was issued of any other instant.

    Returns
    -------
    ``issue_id``, ``ISSUE_COLUMNS`` and the columns of the kind: names instead of numbers, time steps as ``ds`` on the
    desk's own clock with their ``step`` from 1, quantiles as ``deskcast-lo-80`` and so on (missing where a level was
    not issued).
    """
    issues = read_issues(connection, kind)
    if until is not None:
        issues = issues[issues["as_of"] <= until].reset_index(drop=True)
    if at is not None:
        issues = issues[issues["as_of"] == at].reset_index(drop=True)
    names = [c.name for c in ISSUED_TABLES[kind].columns]
    rows = _fetch(connection, kind, names, issues)
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    found = pd.DataFrame(dict(zip(names, columns, strict=True)))
    place = pd.Index(issues["issue_id"]).get_indexer(found["issue_id"].astype("int64"))
    texts = _texts(connection, found)
    for number, name in _NAMED.items():
        if number in found:
            found[name] = pd.Series([texts.get(n) for n in found[number]], index=found.index, dtype="str")
    found = found.drop(columns=[n for n, name in _NAMED.items() if n != name and n in found])
    if "ds" in found:
        found, place = _unpack(found, issues, place)
    for name in reversed(ISSUE_COLUMNS):
        found.insert(1, name, issues[name].array.take(place))
    doubles = [c.name for c in ISSUED_TABLES[kind].columns if str(c.type) == "DOUBLE"]
    bools = {"work_first": "bool"} if "work_first" in found else {}
    return found.astype(dict.fromkeys(doubles, "float64") | {"issue_id": "int64"} | bools)


def select_breach_risks(issued: pd.DataFrame) -> pd.DataFrame:
    """Return the breach risks of issued risks, without those of other outcomes and of versions on trial.

    >>> issued = pd.DataFrame({"scope": ["resolution", "resolution shadow", "escalation"]})
    >>> select_breach_risks(issued)["scope"].tolist()
    ['resolution']
    """
    scope = issued["scope"].astype("str")
    return issued[~scope.isin(OUTCOME_SCOPES) & ~scope.str.endswith(SHADOW)]


def is_issued_case(connection: Connection, case_id: str) -> bool:
    """Tell whether a case was on a list that was issued."""
    table = ISSUED_TABLES["risk"]
    wanted = select(table.c.case_id).join(TEXTS, TEXTS.c.text_id == table.c.case_id).where(TEXTS.c.text == case_id)
    return connection.execute(wanted.limit(1)).first() is not None


def read_case_risks(connection: Connection | None, case_id: str) -> pd.DataFrame:
    """Return the breach risks that were issued for one case, the oldest first.

    They are ``as_of, scope, probability, work_first``; ``scope`` is the SLA metric. None of a case that was on no list.
    """
    columns = ["as_of", "scope", "probability", "work_first"]
    if connection is None:
        return pd.DataFrame(columns=columns)
    table = ISSUED_TABLES["risk"]
    wanted = (
        select(ISSUES.c.as_of, ISSUES.c.scope, table.c.probability, table.c.work_first)
        .join(ISSUES, ISSUES.c.issue_id == table.c.issue_id)
        .join(TEXTS, TEXTS.c.text_id == table.c.case_id)
        .where(TEXTS.c.text == case_id)
        .order_by(ISSUES.c.as_of)
    )
    found = pd.DataFrame(connection.execute(wanted).all(), columns=columns)
    return found.astype({"as_of": "datetime64[us, UTC]", "probability": "float64", "work_first": "bool"})


def _fetch(connection: Connection | None, kind: str, names: list[str], issues: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows as the driver gives them: no value needs to be translated, and there are many."""
    if connection is None or issues.empty:
        return []
    table = ISSUED_TABLES[kind]
    wanted = select(*[table.c[name] for name in names]).order_by(*table.primary_key)
    first, last = int(issues["issue_id"].min()), int(issues["issue_id"].max())
    result = connection.execute(wanted.where(table.c.issue_id.between(first, last)))
    rows = [tuple(row) for row in result.cursor.fetchall()] if result.cursor is not None else []
    known = set(issues["issue_id"])
    return rows if len(known) == last - first + 1 else [row for row in rows if row[0] in known]


def _texts(connection: Connection | None, found: pd.DataFrame) -> dict[int, str]:
    if connection is None or found.empty or not set(_NAMED) & set(found.columns):
        return {}
    return {number: name for number, name in connection.execute(select(TEXTS.c.text_id, TEXTS.c.text))}  # noqa: C416 - rows are no pairs


def _unpack(found: pd.DataFrame, issues: pd.DataFrame, place: Any) -> tuple[pd.DataFrame, Any]:
    """Return a row for each time step that was packed, and the issue of each."""
    minutes = _numbers(found.pop("ds"), "<i4")
    packed = {name: found.pop(name) for name in list(found.columns) if name not in ("issue_id", "unique_id")}
    counts = np.array([len(ds) for ds in minutes], dtype=int)
    rows = np.repeat(np.arange(len(found)), counts)
    out = found.iloc[rows].reset_index(drop=True)
    out["step"] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    ds = np.concatenate(minutes) if len(minutes) else np.array([], dtype="<i4")
    out["ds"] = (ds.astype("int64") * 60_000_000).astype("datetime64[us]")
    quantiles = packed.pop("quantiles", None)
    for name, blobs in packed.items():
        values = _numbers(blobs, "<f4")
        out[name] = np.concatenate(values).astype(float) if len(values) else np.array([], dtype=float)
    if quantiles is not None:
        out = out.rename(columns={"forecast": "deskcast"})
        out = out.assign(**_quantiles(_numbers(quantiles, "<f4"), counts, issues["settings"], place))
    return out, place[rows]


def _numbers(blobs: Any, kind: str) -> list[Any]:
    return [np.frombuffer(bytes(blob), dtype=kind) for blob in blobs]


def _quantiles(packed: list[Any], counts: Any, settings: pd.Series[Any], place: Any) -> dict[str, Floats]:
    """Return the quantiles by name; issues may have had other levels."""
    levels = [tuple(settings.iloc[number]["levels"]) for number in place]
    every = sorted({level for some in levels for level in some})
    wide = {f"deskcast-{name}": np.full(int(counts.sum()), np.nan) for name in quantile_names(every)}
    ends = np.cumsum(counts)
    for values, some, count, end in zip(packed, levels, counts, ends, strict=True):
        table = values.reshape(count, 2 * len(some))
        for column, name in enumerate(quantile_names(some)):
            wide[f"deskcast-{name}"][end - count : end] = table[:, column]
    return wide

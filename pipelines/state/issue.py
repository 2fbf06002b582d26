"""Issuing: what a run tells is written down once, with its instant and model, and is never changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from .schema import ISSUED_TABLES, ISSUES, TEXTS

_CHUNK = 500
_MINUTE_US = 60_000_000


@dataclass(frozen=True)
class Issue:
    """One act of issuing.

    Attributes
    ----------
    kind
        ``forecast``, ``staffing``, ``casework``, ``plan``, ``risk``, ``goal`` or ``alert``.
    scope
        Of what: KPI and time step, queue, or SLA metric; empty where there is one only.
    as_of, data_until, made_at
        Instant that was looked at, end of the data, and when it was computed.
    model
        What made it.
    settings
        What is needed to judge it later, such as the levels of quantiles or the target of a queue.
    """

    kind: str
    scope: str
    as_of: pd.Timestamp
    data_until: pd.Timestamp
    made_at: datetime | pd.Timestamp
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def issue_rows(connection: Connection, issue: Issue, rows: pd.DataFrame) -> bool:
    """Write down what is issued, unless this or something later of the same kind and scope was issued before.

    Parameters
    ----------
    connection
        From :func:`~deskcast.pipelines.state.database.change_state`.
    issue
        What, of what, and when.
    rows
        With the columns of the table of its kind; names instead of their numbers (``unique_id``, ``case_id``,
        ``action``, ``name``, ``alert_id``), time steps as ``ds``, quantiles as ``deskcast-lo-80`` and so on.

    Returns
    -------
    bool
        False where nothing was written: what was issued first at an instant stands, and a log that ends earlier than
        that of an earlier run issues nothing.

    Examples
    --------
    >>> from sqlalchemy import create_engine
    >>> from .migrations import bring_up_to_date
    >>> at = pd.Timestamp("2024-03-04T08:00Z")
    >>> risks = pd.DataFrame({"case_id": ["c1"], "probability": [0.25], "work_first": [True]})
    >>> with create_engine("sqlite://").begin() as state:
    ...     _ = bring_up_to_date(state)
    ...     once = Issue("risk", "resolution", at, at, at, "mean")
    ...     [issue_rows(state, once, risks), issue_rows(state, once, risks.assign(probability=0.5))]
    [True, False]
    """
    mine = (ISSUES.c.kind == issue.kind) & (ISSUES.c.scope == issue.scope)
    last = connection.execute(select(func.max(ISSUES.c.as_of)).where(mine)).scalar()
    if last is not None and issue.as_of <= last:
        return False
    values = _PREPARED[issue.kind](connection, rows, settings := dict(issue.settings))
    entry = {name: getattr(issue, name) for name in ("kind", "scope", "as_of", "data_until", "made_at", "model")}
    entry |= {"settings": json.dumps(settings, ensure_ascii=False, sort_keys=True)}
    number = connection.execute(ISSUES.insert().values(entry).returning(ISSUES.c.issue_id)).scalar_one()
    if values:
        connection.execute(ISSUED_TABLES[issue.kind].insert(), [{"issue_id": number, **row} for row in values])
    return True


def find_last_issued_at(connection: Connection | None) -> pd.Timestamp | None:
    """Return the latest instant of which anything was issued; ``None`` before the first."""
    return None if connection is None else connection.execute(select(func.max(ISSUES.c.as_of))).scalar()


def drop_expired(connection: Connection, keep_days: float) -> int:
    """Remove what was issued more than ``keep_days`` before the latest; return how many acts of issuing."""
    last = find_last_issued_at(connection)
    if last is None:
        return 0
    old = ISSUES.c.as_of < last - pd.Timedelta(days=keep_days)
    return int(connection.execute(ISSUES.delete().where(old)).rowcount)


def number_texts(connection: Connection, names: Iterable[Any]) -> dict[str, int]:
    """Return the number of each name; new names get the next ones."""
    wanted = list(dict.fromkeys(str(name) for name in names))
    found: dict[str, int] = {}
    for first in range(0, len(wanted), _CHUNK):
        part = wanted[first : first + _CHUNK]
        rows = connection.execute(select(TEXTS.c.text, TEXTS.c.text_id).where(TEXTS.c.text.in_(part)))
        found |= {row.text: row.text_id for row in rows}
    new = [name for name in wanted if name not in found]
    if new:
        highest = connection.execute(select(func.coalesce(func.max(TEXTS.c.text_id), 0))).scalar_one()
        numbered = {name: highest + place for place, name in enumerate(new, 1)}
        connection.execute(TEXTS.insert(), [{"text_id": n, "text": name} for name, n in numbered.items()])
        found |= numbered
    return found


def quantile_names(levels: Sequence[float]) -> list[str]:
    """Return the names of the quantiles of these levels, from the lowest to the highest.

    >>> quantile_names((80, 95))
    ['lo-95', 'lo-80', 'hi-80', 'hi-95']
    """
    wide = sorted(levels, reverse=True)
    return [f"lo-{level:g}" for level in wide] + [f"hi-{level:g}" for level in reversed(wide)]


Values = list[dict[str, Any]]


def _forecasts(connection: Connection, rows: pd.DataFrame, settings: dict[str, Any]) -> Values:
    levels = sorted(float(str(c).rsplit("-", 1)[1]) for c in rows.columns if str(c).startswith("deskcast-lo-"))
    settings["levels"] = levels
    bounds = [f"deskcast-{name}" for name in quantile_names(levels)]
    numbers = number_texts(connection, rows["unique_id"])
    rows = rows.rename(columns={"deskcast": "forecast"})
    return [
        {"series_id": numbers[str(name)], **_pack(part, ("forecast", "seasonal_naive")),
         "quantiles": part[bounds].to_numpy(dtype="<f4").tobytes()}
        for name, part in rows.groupby("unique_id", sort=False)
    ]  # fmt: skip


def _steps(kind: str) -> Callable[[Connection, pd.DataFrame, dict[str, Any]], Values]:
    own = [c.name for c in ISSUED_TABLES[kind].columns if c.name not in ("issue_id", "ds")]
    return lambda _, rows, __: [_pack(rows, own)]


def _pack(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, bytes]:
    """Pack time steps, and a column a name; one that is not there is missing throughout."""
    columns = _optional(rows, names)
    packed = {name: np.asarray(values, dtype="<f4").tobytes() for name, values in columns.items()}
    return {"ds": _minutes(rows["ds"]).to_numpy(dtype="<i4").tobytes(), **packed}


def _plans(_: Connection, rows: pd.DataFrame, __: dict[str, Any]) -> Values:
    return [{"body": rows.to_json(orient="records", date_format="iso")}]


def _risks(connection: Connection, rows: pd.DataFrame, _: dict[str, Any]) -> Values:
    cases = number_texts(connection, rows["case_id"])
    actions = rows["action"] if "action" in rows else pd.Series(pd.NA, index=rows.index)
    numbers = number_texts(connection, actions.dropna())
    return _dicts(
        case_id=rows["case_id"].astype(str).map(cases),
        probability=rows["probability"],
        work_first=rows["work_first"].astype(bool),
        action_id=[None if pd.isna(a) else numbers[str(a)] for a in actions],
        **_optional(rows, ["expected_benefit", "left_s"]),
    )


def _goals(connection: Connection, rows: pd.DataFrame, _: dict[str, Any]) -> Values:
    numbers = number_texts(connection, rows["name"])
    texts: dict[str, list[Any]] = {
        name: [None if pd.isna(v) else str(v) for v in rows[name]] for name in ("kpi", "better", "start", "end")
    }
    texts["series"] = list(rows["series"].fillna("all").astype("str")) if "series" in rows else ["all"] * len(rows)
    figures = _optional(rows, ["target", "so_far", "forecast", "low", "high", "probability"])
    return _dicts(goal_id=rows["name"].astype(str).map(numbers), **texts, **figures)


def _alerts(connection: Connection, rows: pd.DataFrame, _: dict[str, Any]) -> Values:
    numbers = number_texts(connection, rows["alert_id"])
    texts: dict[str, list[str | None]] = {}
    for name in ("state", "news", "kpi", "series", "direction", "started_at"):
        values = rows[name] if name in rows else pd.Series(pd.NA, index=rows.index)
        texts[name] = [None if pd.isna(v) else str(v) for v in values]
    texts["news"] = [v or "" for v in texts["news"]]
    return _dicts(
        alert_id=rows["alert_id"].astype(str).map(numbers), **texts, **_optional(rows, ["before", "after", "z"])
    )


_PREPARED: Mapping[str, Callable[[Connection, pd.DataFrame, dict[str, Any]], Values]] = {
    "forecast": _forecasts,
    "staffing": _steps("staffing"),
    "casework": _steps("casework"),
    "plan": _plans,
    "risk": _risks,
    "goal": _goals,
    "alert": _alerts,
}


def _minutes(ds: pd.Series[Any]) -> pd.Series[Any]:
    """Return time steps as minutes since 1970 on their own clock."""
    local = ds.dt.tz_localize(None) if ds.dt.tz is not None else ds
    return local.astype("datetime64[us]").astype("int64") // _MINUTE_US


def _optional(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    return {name: rows[name] if name in rows else np.full(len(rows), np.nan) for name in names}


def _dicts(**columns: Any) -> Values:
    """Return rows as a driver takes them: plain numbers, and ``None`` where a value is missing."""
    plain = {}
    for name, values in columns.items():
        listed = values.tolist() if hasattr(values, "tolist") else list(values)
        plain[name] = [None if isinstance(v, float) and np.isnan(v) else v for v in listed]
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]

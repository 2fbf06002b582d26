"""Stretches of agents' time as agent days: one state at a time, and none across midnight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...features.frames import require_columns
from ...features.kpis.cells import MISSING_SEGMENT
from ..grid.frequency import local_instants

#: States in which an agent is on contacts or waits for one.
ON_CONTACTS = ("handling", "available")
#: Team of all agents where none are named.
ALL_TEAMS = "all"


def split_agent_days(
    stretches: pd.DataFrame, timezone: str = "UTC", until: pd.Timestamp | None = None, state: str = "state"
) -> pd.DataFrame:
    """Return stretches of one state at a time, cut at midnight of the desk's own clock.

    Where stretches of an agent overlap, handling goes before all else and being available after all else: two chats
    at once are not twice the time.

    Parameters
    ----------
    stretches
        ``agent_id, start, end`` and a state, and optionally ``team`` and ``paid``; instants with a zone.
    timezone
        Of the clock by which days begin.
    until
        A stretch that still runs is counted to this instant; without it such a stretch is left out.
    state
        Name of the column with the state.

    Returns
    -------
    ``agent_id, day, state, start, end, seconds, paid`` and ``team`` (``(missing)`` where none is named); what is not
    said to be unpaid is paid.

    Examples
    --------
    >>> rows = pd.DataFrame({"agent_id": "a", "state": ["available", "break"],
    ...     "start": pd.to_datetime(["2024-03-04T22:00Z", "2024-03-05T00:30Z"]),
    ...     "end": pd.to_datetime(["2024-03-05T00:30Z", "2024-03-05T01:00Z"])})
    >>> split_agent_days(rows)[["day", "state", "seconds"]].astype(str).values.tolist()
    [['2024-03-04', 'available', '7200.0'], ['2024-03-05', 'available', '1800.0'], ['2024-03-05', 'break', '1800.0']]
    """
    require_columns(stretches, ["agent_id", "start", "end", state], "agent_time")
    rows = pd.DataFrame({name: stretches[name] for name in ("agent_id", "start", "end")})
    for name in ("start", "end"):
        if not isinstance(rows[name].dtype, pd.DatetimeTZDtype):
            raise InputError(
                "times need a zone", where="agent_time", column=name, got=str(rows[name].dtype), code="time.zone"
            )
        rows[name] = rows[name].dt.tz_convert("UTC").dt.as_unit("us")
    rows["state"] = stretches[state].astype("str").str.strip().str.lower()
    rows["paid"] = stretches["paid"].astype("boolean").fillna(True).astype(bool) if "paid" in stretches else True
    rows["team"] = stretches["team"].astype("str").fillna(MISSING_SEGMENT) if "team" in stretches else ALL_TEAMS
    if until is not None:
        rows["end"] = rows["end"].where(rows["end"] <= until, until)  # NaT is not before it either
    rows = rows[rows["end"] > rows["start"]].sort_values(["agent_id", "start", "end"], ignore_index=True)
    return _cut_at_midnight(_resolve_overlaps(rows), timezone)


def _resolve_overlaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Return stretches of which no two of an agent overlap."""
    latest = rows.groupby("agent_id")["end"].cummax().shift()
    same = rows["agent_id"].eq(rows["agent_id"].shift())
    if not (same & (rows["start"] < latest)).any():
        return rows
    ranks = {name: place for place, name in enumerate(sorted(set(rows["state"]), key=_rank))}
    rank = rows["state"].map(ranks).to_numpy(dtype=int)
    agent, names = pd.factorize(rows["agent_id"])
    at = np.concatenate([rows["start"].astype("int64"), rows["end"].astype("int64")])
    who, kind = np.tile(agent, 2), np.tile(rank, 2)
    step = np.repeat([1, -1], len(rows))
    pay = np.tile(rows["paid"].to_numpy(dtype=int), 2) * step
    order = np.lexsort((at, who))
    at, who, kind, step, pay = at[order], who[order], kind[order], step[order], pay[order]
    running = np.stack([np.cumsum(np.where(kind == k, step, 0)) for k in range(len(ranks))])
    paid = np.stack([np.cumsum(np.where(kind == k, pay, 0)) for k in range(len(ranks))])
    now = (running > 0).argmax(axis=0)
    some = running.max(axis=0) > 0
    place = np.flatnonzero(some[:-1] & (who[1:] == who[:-1]) & (at[1:] > at[:-1]))
    begun = np.maximum.accumulate(np.where(step > 0, np.arange(len(at)), 0))  # the stretch that began last names it
    return pd.DataFrame(
        {
            "agent_id": np.asarray(names)[who[place]],
            "start": pd.to_datetime(at[place], unit="us", utc=True).as_unit("us"),
            "end": pd.to_datetime(at[place + 1], unit="us", utc=True).as_unit("us"),
            "state": np.array(list(ranks))[now[place]],
            "paid": paid[now[place], place] > 0,
            "team": rows["team"].to_numpy()[order[begun[place]]],
        }
    )


def _rank(state: str) -> tuple[int, str]:
    return (0 if state == "handling" else 2 if state == "available" else 1, state)


def _cut_at_midnight(rows: pd.DataFrame, timezone: str) -> pd.DataFrame:
    columns = ["agent_id", "team", "day", "state", "start", "end", "seconds", "paid"]
    if rows.empty:
        return rows.assign(day=rows["start"], seconds=0.0)[columns]
    first, last = (t.tz_convert(timezone).tz_localize(None) for t in (rows["start"].min(), rows["end"].max()))
    days = pd.date_range(first.normalize(), last, freq="D").as_unit("us")
    edges = local_instants(days.to_numpy(), timezone).as_unit("us")
    begin, end = rows["start"].to_numpy(dtype="datetime64[us]"), rows["end"].to_numpy(dtype="datetime64[us]")
    limits = edges.to_numpy(dtype="datetime64[us]")
    low = np.searchsorted(limits, begin, side="right") - 1
    count = np.searchsorted(limits, end, side="left") - low
    place = np.repeat(np.arange(len(rows)), count)
    day = low[place] + np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    out = rows.iloc[place].reset_index(drop=True)
    out["start"] = pd.to_datetime(np.maximum(begin[place], limits[day]), utc=True)
    after = np.append(limits[1:], limits[-1] + np.timedelta64(2, "D"))
    out["end"] = pd.to_datetime(np.minimum(end[place], after[day]), utc=True)
    out["day"] = days[day]
    out["seconds"] = (out["end"] - out["start"]).dt.total_seconds()
    return out[columns]

"""Teams as they worked: occupancy, and how far agents kept to their schedules."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.statistics.ratio_interval import ratio_interval
from .agent_days import ON_CONTACTS

#: Planned activities that are time off, and those in which an agent is not signed in: none of them is on contacts.
OFF_ACTIVITIES = ("break", "lunch", "meal", "training", "meeting", "coaching", "project")
AWAY_ACTIVITIES = ("absent", "absence", "leave", "vacation", "holiday", "sick", "illness", "off")
_EDGES = ("start", "end")
_COMPARED = ["planned", "kept", "work", "planned_on_contacts", "on_contacts_in_plan"]
#: How time is spent -> numerator and denominator, by the columns of an agent day.
_RATIOS = {
    "shrinkage": ("off", "paid"),
    "occupancy": ("handling", "on_contacts"),
    "utilisation": ("paid_handling", "paid"),
    "adherence": ("kept", "planned"),
    "conformance": ("on_contacts_in_plan", "planned_on_contacts"),
}


def measure_teams(agent_days: pd.DataFrame, plan: pd.DataFrame | None = None, level: float = 0.95) -> pd.DataFrame:
    """Return shrinkage, occupancy and utilisation by team, and with schedules adherence and conformance.

    Parameters
    ----------
    agent_days
        What :func:`~deskcast.forecasting.staffing.agent_days.split_agent_days` returns of what agents did.
    plan
        The same of what they were to do; ``None`` where no schedules are known.
    level
        Of the intervals, which take agent days as independent of one another.

    Returns
    -------
    ``team``, ``agents``, ``agent_days`` (on which they were seen), ``paid_hours`` and for each ratio its value, ``-lo``
    and ``-hi``: shrinkage (paid time off contacts), occupancy (handling of the time on contacts), utilisation (handling
    of paid time), adherence (share of planned time spent as planned) and conformance (time on contacts on days with a
    plan over the planned time on contacts, which may exceed 1). A day on which an agent was to work and was not seen,
    but was before and after, is planned time that was not kept.

    Examples
    --------
    >>> at = pd.to_datetime(["2024-03-04T08:00Z", "2024-03-04T10:30Z", "2024-03-04T11:00Z"])
    >>> did = pd.DataFrame({"agent_id": "a", "team": "x", "day": pd.Timestamp("2024-03-04"), "paid": True,
    ...     "state": ["handling", "break"], "start": at[:2], "end": at[1:]})
    >>> did["seconds"] = (did["end"] - did["start"]).dt.total_seconds()
    >>> due = did.assign(state=["phone", "break"], end=[at[1] - pd.Timedelta("30min"), at[2]], start=[at[0], at[1]])
    >>> measure_teams(did, due.assign(seconds=[7200.0, 1800.0]))[["adherence", "conformance"]].values.tolist()
    [[1.0, 1.25]]
    """
    days = _sum_days(agent_days).assign(seen=1)
    teams = agent_days.groupby(["agent_id", "day"])["team"].first()
    if plan is not None and len(plan):
        compared = _compare_days(agent_days, plan)
        counted = compared.index.isin(days.index) | _is_missed(compared, days)
        days = days.join(compared[counted], how="outer").fillna(0.0)
        teams = teams.reindex(days.index).groupby(level="agent_id").ffill()
    rows = []
    for team, own in days.groupby(teams.to_numpy(), sort=True):
        row: dict[str, object] = {
            "team": str(team),
            "agents": own.index.get_level_values("agent_id").nunique(),
            "agent_days": int(own["seen"].sum()),
            "paid_hours": float(own["paid"].sum()) / 3600,
        }
        for name, (part, whole) in _RATIOS.items():
            if whole not in own:
                continue
            value, low, high = ratio_interval(own[part], own[whole], level)
            top = np.inf if name == "conformance" else 1.0
            row |= {name: value, f"{name}-lo": max(low, 0.0), f"{name}-hi": min(high, top)}
        rows.append(row)
    return pd.DataFrame(rows)


def _sum_days(agent_days: pd.DataFrame) -> pd.DataFrame:
    """Return seconds by agent and day: paid, paid off contacts, on contacts and handling."""
    busy, ready = agent_days["state"].eq("handling"), agent_days["state"].isin(ON_CONTACTS)
    seconds, paid = agent_days["seconds"], agent_days["paid"].astype(bool)
    parts = {"paid": paid, "off": paid & ~ready, "on_contacts": ready, "handling": busy, "paid_handling": paid & busy}
    columns = {name: seconds.where(mask, 0.0) for name, mask in parts.items()}
    keys = [agent_days["agent_id"], agent_days["day"]]
    sums: pd.DataFrame = pd.DataFrame(columns).groupby(keys).sum()
    return sums


def _is_missed(planned: pd.DataFrame, seen: pd.DataFrame) -> pd.Series:
    """Return the days of work on which an agent was not seen, who was before and after: nobody knows of later ones."""
    agent, day = (seen.index.get_level_values(name) for name in ("agent_id", "day"))
    known = pd.Series(day, index=agent).groupby(level=0).agg(["min", "max"])
    who, at = planned.index.get_level_values("agent_id"), planned.index.get_level_values("day")
    first, last = (known[name].reindex(who).to_numpy() for name in ("min", "max"))
    return (planned["work"] > 0) & (at > first) & (at < last)


def _compare_days(did: pd.DataFrame, plan: pd.DataFrame) -> pd.DataFrame:
    """Return seconds by agent and day: planned, of work, kept, planned on contacts, and on contacts in a plan."""
    plan = plan[plan["agent_id"].isin(did["agent_id"].unique())]
    if plan.empty:
        return pd.DataFrame(columns=_COMPARED, index=_sum_days(did).index[:0], dtype=float)
    both = intersect_stretches(plan, did)
    kept = both["seconds"].where(_agrees(both["planned"], both["state"]), 0.0)
    keys = ["agent_id", "day"]
    away = plan["state"].isin(AWAY_ACTIVITIES)
    seen = both.groupby(both["place"])["seconds"].sum().reindex(plan.index).fillna(0.0)
    absent = (plan["seconds"] - seen).where(away, 0.0)  # who is to be away and is not signed in does as planned
    out = plan.groupby(keys)["seconds"].sum().to_frame("planned")
    out["kept"] = kept.groupby([both["agent_id"], both["day"]]).sum()
    out["kept"] = out["kept"].fillna(0.0) + absent.groupby([plan["agent_id"], plan["day"]]).sum()
    due = is_on_contacts(plan["state"])
    out["work"] = plan["seconds"].where(~away, 0.0).groupby([plan["agent_id"], plan["day"]]).sum()
    out["planned_on_contacts"] = plan["seconds"].where(due, 0.0).groupby([plan["agent_id"], plan["day"]]).sum()
    ready = did[did["state"].isin(ON_CONTACTS)].groupby(keys)["seconds"].sum()
    out["on_contacts_in_plan"] = ready.reindex(out.index).fillna(0.0)
    return out


def intersect_stretches(plan: pd.DataFrame, did: pd.DataFrame) -> pd.DataFrame:
    """Return the time that each planned stretch shares with what was done, in pieces of one state.

    Neither has stretches of an agent that overlap, so what meets a planned stretch stands side by side once sorted.
    """
    codes, _ = pd.factorize(pd.concat([plan["agent_id"], did["agent_id"]]))
    edges = [frame[name].to_numpy(dtype="datetime64[us]").astype("int64") for frame in (plan, did) for name in _EDGES]
    first = min(int(e.min()) for e in edges)
    span = max(int(e.max()) for e in edges) - first + 1  # one line of time: each agent's after the one before
    mine, others = (codes[: len(plan)] * span - first, codes[len(plan) :] * span - first)
    order = np.argsort(others + edges[2], kind="stable")
    start, end = (others + edges[2])[order], (others + edges[3])[order]
    low = np.searchsorted(end, mine + edges[0], side="right")
    count = np.maximum(np.searchsorted(start, mine + edges[1], side="left") - low, 0)
    left = np.repeat(np.arange(len(plan)), count)
    right = np.repeat(low, count) + np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    begin = np.maximum((mine + edges[0])[left], start[right])
    out = plan[["agent_id", "day", "state"]].rename(columns={"state": "planned"}).iloc[left].reset_index(drop=True)
    out["place"] = plan.index.to_numpy()[left]
    out["state"] = did["state"].iloc[order[right]].to_numpy()
    finish = np.minimum((mine + edges[1])[left], end[right])
    out["seconds"] = (finish - begin) / 1e6
    for name, at in (("start", begin), ("end", finish)):
        out[name] = pd.to_datetime(at - mine[left], unit="us", utc=True).as_unit("us")
    return out


def is_on_contacts(activity: pd.Series) -> pd.Series:
    """Return which planned activities are work on contacts: all that are no time off."""
    return ~activity.isin((*OFF_ACTIVITIES, *AWAY_ACTIVITIES))


def _agrees(planned: pd.Series, state: pd.Series) -> pd.Series:
    """Return where what was done is what was planned: contacts for contacts, and a break for a break."""
    ready = state.isin(ON_CONTACTS)
    return (
        (is_on_contacts(planned) & ready)
        | (planned.eq(state) & ~ready)
        | (planned.isin(AWAY_ACTIVITIES) & state.isin(AWAY_ACTIVITIES))
    )

"""The tables of ``histories.py`` in tuned pandas: codes for text, one sort, no Python for each group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Z = 1.959963984540054
ENDS = ("resolved", "closed", "merged")


def run_pandas(folder: Path, out: Path) -> None:
    """Derive both tables with pandas."""
    cases = pd.read_parquet(folder / "cases")
    wanted = ["case_id", "seq", "at", "kind", "new", "actor_id", "actor_role", "public", "team"]
    events = pd.read_parquet(folder / "events", columns=wanted)
    until = max(cases["created_at"].max(), events["at"].max())
    history, control = case_history(cases, events, until)
    del events
    history.to_parquet(out / "cases.parquet")
    kpis(history, control, until).to_parquet(out / "kpis.parquet")


def case_history(cases: pd.DataFrame, events: pd.DataFrame, until: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the case history, and the openings and ends in order."""
    n = len(cases)
    events["case"] = pd.Index(cases["case_id"]).get_indexer(events.pop("case_id"))
    for name in ("kind", "actor_role"):
        events[name] = events[name].astype("category")
    order = np.lexsort((events["seq"].to_numpy(), events["at"].astype("int64").to_numpy(), events["case"].to_numpy()))
    events = events.take(order).reset_index(drop=True)
    kind, agent = events["kind"], (events["actor_role"] == "agent").to_numpy()
    case = events["case"].to_numpy()

    def rows(mask: Any) -> pd.DataFrame:
        return events.loc[np.asarray(mask)]

    def counts(mask: Any) -> Any:
        return np.bincount(case[np.asarray(mask)], minlength=n)

    out = cases.copy()

    def put(name: str, found: pd.Series[Any]) -> None:
        out[name] = found.reindex(range(n)).array

    said = events["new"].notna()
    last = {name: rows((kind == name) & said).groupby("case")["new"].last() for name in ("status", "priority")}
    moves = rows((kind == "assigned") & events["team"].notna())[["case", "team"]]
    put("current_priority", last["priority"])
    out["current_priority"] = out["current_priority"].fillna(out["priority"])
    put("current_team", moves.groupby("case")["team"].last())
    out["current_team"] = out["current_team"].fillna(out["team"])
    put("status", last["status"])
    message = (kind == "message").to_numpy() & events["public"].fillna(False).to_numpy(dtype=bool)
    put("first_response_at", rows(message & agent).groupby("case")["at"].first())
    control = rows(kind.isin([*ENDS, "reopened", "paused", "resumed"]))[["case", "at", "kind"]].copy()
    _follow(control, until)
    done = control["kind"].isin(["resolved", "closed"])
    put("first_resolved_at", control[done].groupby("case")["at"].first())
    ending = control[control["is_end"] & control["final"]].groupby("case").first()
    put("resolved_at", ending.loc[ending["kind"] != "merged", "at"])
    put("first_reopened_at", control[control["reopens"] & (control["ended"] > 0)].groupby("case")["at"].first())
    put("closed_at", control[(control["kind"] == "closed") & control["final"]].groupby("case")["at"].last())
    put("merged_at", ending.loc[ending["kind"] == "merged", "at"])
    put("ended_at", ending["at"])
    out["is_open"] = out["ended_at"].isna()
    out["first_response_s"] = (out["first_response_at"] - out["created_at"]).dt.total_seconds()
    out["resolution_s"] = (out["resolved_at"] - out["created_at"]).dt.total_seconds()
    out["age_s"] = (out["ended_at"].fillna(until) - out["created_at"]).dt.total_seconds()
    out["pending_s"] = np.bincount(control["case"], weights=control["paused"], minlength=n)
    out["reopens"] = np.bincount(control["case"], weights=control["again"], minlength=n).astype("int64")
    changed = (moves["team"] != moves["team"].shift()) & (moves["case"] == moves["case"].shift())
    out["transfers"] = np.bincount(moves["case"][changed], minlength=n)
    out["escalations"], out["priority_changes"] = counts(kind == "escalated"), counts(kind == "priority")
    out["customer_messages"] = counts(message & (events["actor_role"] == "customer").to_numpy())
    out["agent_messages"] = counts(message & agent)
    acted = rows(agent & events["actor_id"].notna().to_numpy())[["case", "actor_id"]]
    acted["actor_id"] = pd.factorize(acted["actor_id"])[0]
    out["agents"] = np.bincount(acted.drop_duplicates()["case"], minlength=n)
    return out, control


def _follow(control: pd.DataFrame, until: pd.Timestamp) -> None:
    """Add what is known at each step, from running maxima that start anew with each case."""
    case = control["case"].to_numpy()
    place = np.arange(1, len(control) + 1)
    starts = np.r_[True, case[1:] != case[:-1]]
    origin = np.maximum.accumulate(np.where(starts, place - 1, 0))

    def latest(mask: Any) -> Any:
        return np.maximum(np.maximum.accumulate(np.where(mask, place, 0)) - origin, 0)

    control["is_end"], control["reopens"] = control["kind"].isin(ENDS), control["kind"] == "reopened"
    control["ended"], opened = latest(control["is_end"]), latest(control["reopens"])
    control["again"] = control["reopens"] & (control["ended"] > np.where(starts, 0, np.r_[0, opened[:-1]]))
    closing = np.r_[np.flatnonzero(starts)[1:], len(control)] - 1
    lengths = np.diff(np.r_[np.flatnonzero(starts), len(control)])
    control["final"] = place - origin > np.repeat(opened[closing], lengths)
    following = control["at"].shift(-1).where(np.r_[~starts[1:], False]).fillna(until)
    resting = (control["kind"] == "paused").to_numpy() & (opened >= control["ended"].to_numpy())
    control["paused"] = np.where(resting, (following - control["at"]).dt.total_seconds(), 0.0)


def kpis(history: pd.DataFrame, control: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Return the daily history by channel."""
    channels = pd.Index(sorted(history["channel"].unique()))
    code = channels.get_indexer(history["channel"])
    first, last = history["created_at"].min().tz_localize(None).normalize(), until.tz_localize(None).normalize()
    days = pd.date_range(first, last, inclusive="left").as_unit("us")
    size = len(channels) * len(days)

    def cells(at: pd.Series[Any], channel: Any) -> Any:
        day = (at.dt.tz_localize(None) - first).dt.days.fillna(-1).astype("int64").to_numpy()
        return np.where((day >= 0) & (day < len(days)), channel * len(days) + day, -1)

    def counted(at: pd.Series[Any], channel: Any, weights: Any = None) -> Any:
        cell = cells(at, channel)
        inside = cell >= 0
        return np.bincount(cell[inside], None if weights is None else weights[inside], minlength=size).astype(float)

    frames = []

    def add(kpi: str, **measures: Any) -> None:
        table = pd.DataFrame(
            {"kpi": kpi, "channel": np.repeat(channels, len(days)), "ds": np.tile(days, len(channels))}
        )
        for name in ("value", "n", "numerator", "lo", "hi", "median", "p90", "mean"):
            table[name] = measures.get(name, np.nan)
        frames.append(table)

    for kpi, at in (("cases_opened", "created_at"), ("cases_resolved", "resolved_at")):
        k = counted(history[at], code)
        add(kpi, value=k, n=k, numerator=k)
    moves = control[control["is_end"] | control["reopens"]]
    same = moves["case"] == moves["case"].shift()
    was_open = moves["reopens"].shift().where(same, True).astype(bool)
    moves = moves[was_open != moves["reopens"]]
    step = np.where(moves["reopens"], 1.0, -1.0)
    net = counted(history["created_at"], code) + counted(moves["at"], code[moves["case"].to_numpy()], step)
    k = net.reshape(len(channels), -1).cumsum(axis=1).ravel()
    add("backlog", value=k, n=k, numerator=k)
    cell = cells(history["created_at"], code)
    for kpi, seconds, horizon in (
        ("first_response_time", "first_response_s", 7 * 86400.0),
        ("resolution_time", "resolution_s", 90 * 86400.0),
    ):
        spent = history[seconds].fillna(history["age_s"]).to_numpy()
        add(kpi, **_curves(spent, history[seconds].notna().to_numpy(), cell, size, horizon))
    soon = (history["first_reopened_at"] - history["first_resolved_at"]).dt.total_seconds().between(0, 7 * 86400)
    ripe = (history["first_resolved_at"] <= until - pd.Timedelta(days=7)).to_numpy()
    for kpi, at, hit, of in (
        ("reopen_rate", "first_resolved_at", soon.to_numpy(), ripe),
        ("transfer_rate", "resolved_at", (history["transfers"] > 0).to_numpy(), np.ones(len(history), dtype=bool)),
        ("escalation_rate", "resolved_at", (history["escalations"] > 0).to_numpy(), np.ones(len(history), dtype=bool)),
    ):
        k, n = counted(history[at], code, (hit & of).astype(float)), counted(history[at], code, of.astype(float))
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.where(n > 0, k / n, np.nan)
            middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
            half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n * n))
        add(kpi, value=p, n=n, numerator=k, lo=np.maximum(middle - half, 0), hi=np.minimum(middle + half, 1))
    return pd.concat(frames, ignore_index=True)


def _curves(spent: Any, over: Any, cell: Any, size: int, horizon: float) -> dict[str, Any]:
    """Kaplan-Meier over all cells at once."""
    times = pd.DataFrame({"g": cell, "s": spent, "d": over})[(cell >= 0) & (spent >= 0)]
    times = times.sort_values(["g", "s"], kind="stable")
    t = times.groupby(["g", "s"], sort=False)["d"].agg(c="size", d="sum").reset_index()
    g = t.groupby("g", sort=False)
    r = (g["c"].transform("sum") - g["c"].cumsum() + t["c"]).astype(float)
    d = t["d"].astype(float)
    dies = d == r
    with np.errstate(divide="ignore", invalid="ignore"):
        t["log"] = np.where(dies, 0.0, np.log1p(-d / r))
        t["v"] = np.where(dies, 0.0, d / (r * np.maximum(r - d, 1)))
        log, v = g["log"].cumsum(), g["v"].cumsum()
        t["S"] = np.where(dies, 0.0, np.exp(log))
        theta = Z * np.sqrt(v) / log
        t["lower"] = np.where(dies, 0.0, np.where(log < 0, t["S"] ** np.exp(-theta), 1.0))
        t["upper"] = np.where(dies, np.inf, np.where(log < 0, t["S"] ** np.exp(theta), 1.0))
    g = t.groupby("g", sort=False)
    height, since = g["S"].shift(fill_value=1.0), g["s"].shift(fill_value=0.0)
    t["area"] = height * (np.minimum(t["s"], horizon) - np.minimum(since, horizon))

    def below(column: str, limit: float) -> Any:
        hit = t[t[column] <= limit + 1e-9]
        return hit.groupby("g", sort=False)["s"].first().reindex(range(size)).to_numpy()

    def middle(share: float) -> Any:  # of a curve that is flat there
        falls = t[t["S"] < share - 1e-9].groupby("g", sort=False)["s"].first().reindex(range(size)).to_numpy()
        return (below("S", share) + np.where(np.isnan(falls), below("S", share), falls)) / 2

    known = t.groupby("g", sort=False).agg(final=("S", "last"), longest=("s", "last"), mean=("area", "sum"))
    known = known.reindex(range(size))
    ok = (known["final"] == 0) | (known["longest"] >= horizon)
    return {
        "value": middle(0.5),
        "median": middle(0.5),
        "p90": middle(0.1),
        "lo": below("lower", 0.5),
        "hi": below("upper", 0.5),
        "mean": known["mean"].where(ok).to_numpy(),
        "n": np.bincount(t["g"], t["c"], minlength=size),
        "numerator": np.bincount(t["g"], d, minlength=size),
    }

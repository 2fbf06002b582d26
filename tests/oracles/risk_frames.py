"""Snapshots and labels of a made-up desk whose true probabilities are known."""

import numpy as np
import pandas as pd
from scipy.stats import norm

START = pd.Timestamp("2024-01-01T00:00Z")
DAY = 86400.0


def risk_frames(cases=1500, days=120, seed=0, skill=True, due=True, quicker=0.0):
    """Return ``snapshots, labels, truth``: daily 08:00 snapshots of open cases over ``days`` days.

    The time to finish is log-normal; its median depends on priority, team and hand-overs (``skill=False``: the outcome
    is a coin, whatever is known). ``truth`` is P(breach | still open, features), row by row of the snapshots.
    ``due=False``: as for a promise on the source's own clock, without due time. ``quicker``: by how much the log of the
    median falls from the first day to the last; at 1 the share of cases that break their promise more than halves.
    """
    rng = np.random.default_rng(seed)
    created = np.sort(rng.uniform(0, days * DAY, cases))
    priority = rng.choice([1, 2, 3], cases, p=[0.1, 0.3, 0.6])
    team = rng.choice(["alpha", "beta", "gamma"], cases)
    transfers = rng.poisson(0.7, cases)
    target = np.select([priority == 1, priority == 2], [1 * DAY, 3 * DAY], 6 * DAY)
    median = np.log(target * 0.55) + 0.45 * transfers - 0.35 + np.where(team == "gamma", 0.6, 0.0)
    median -= quicker * created / (days * DAY)
    spread = 0.8
    finish = created + np.exp(rng.normal(median, spread))
    end = days * DAY
    breached = finish - created > target
    known = np.minimum(finish, created + target)
    if not skill:
        breached = rng.uniform(size=cases) < 0.4
        known = finish
    if not due:
        known = finish
    ids = np.array([f"C{i:05}" for i in range(cases)])
    labels = pd.DataFrame(
        {
            "case_id": pd.array(ids, dtype="str"),
            "metric": "resolution",
            "label": pd.array(np.where(known <= end, breached, False), dtype="boolean"),
            "known_at": START + pd.to_timedelta(np.round(known, 3), unit="s"),
        }
    )
    labels.loc[known > end, ["label"]] = pd.NA
    labels.loc[known > end, ["known_at"]] = pd.NaT
    parts = []
    for day in range(1, days + 1):
        at = day * DAY + 8 * 3600
        if at > end:
            break
        open_now = np.flatnonzero((created <= at) & (finish > at))
        age = at - created[open_now]
        left = target[open_now] - age
        tail = norm.sf((np.log(np.maximum(target[open_now], age)) - median[open_now]) / spread)
        alive = norm.sf((np.log(np.maximum(age, 1e-9)) - median[open_now]) / spread)
        teams = pd.Series(team[open_now])
        parts.append(
            pd.DataFrame(
                {
                    "case_id": pd.array(ids[open_now], dtype="str"),
                    "at": START + pd.Timedelta(seconds=at),
                    "metric": "resolution",
                    "due_at": START + pd.to_timedelta(np.round(created + target, 3)[open_now], unit="s")
                    if due
                    else pd.NaT,
                    "left_s": left if due else np.nan,
                    "target_used": age / target[open_now] if due else np.nan,
                    "already_breached": pd.array((left <= 0) & due & skill, dtype="boolean"),
                    "paused": pd.array(np.zeros(len(open_now), dtype=bool), dtype="boolean"),
                    "status": pd.array(["open"] * len(open_now), dtype="str"),
                    "priority": pd.array(priority[open_now].astype(str), dtype="str"),
                    "team": pd.array(team[open_now], dtype="str"),
                    "age_s": age,
                    "idle_s": rng.exponential(0.5, len(open_now)) * age,
                    "unanswered_s": np.where(rng.uniform(size=len(open_now)) < 0.5, np.nan, age * 0.3),
                    "customer_messages": 1 + rng.poisson(age / (2 * DAY)),
                    "transfers": transfers[open_now],
                    "open_in_team": teams.map(teams.value_counts()).to_numpy(),
                    "hour": 8,
                    "weekday": (day % 7),
                    "truth": np.where(left <= 0, 1.0, tail / alive) if skill else 0.4,
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    for name in ("at", "due_at"):
        rows[name] = pd.to_datetime(rows[name], utc=True).astype("datetime64[us, UTC]")
    labels["known_at"] = pd.to_datetime(labels["known_at"], utc=True).astype("datetime64[us, UTC]")
    truth = rows.pop("truth").to_numpy()
    return rows, labels, truth

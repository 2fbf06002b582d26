"""How often drift is reported of made-up desks on which nothing changes, and how soon after something has changed.

python benchmarks/drift.py [desks] [weeks]
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from deskcast.models.drift import detect_drift

BEGIN = pd.Timestamp("2024-01-01T08:00Z")
TRAIN_DAYS, CASES_A_DAY, TARGET_H = 120, 30, 48.0
#: Nights after a change on which the desk is looked at.
LOOKS = (2, 4, 7, 10, 14)
CHANGES = ("new category", "missing share doubled", "mix shifted", "leaver", "volume doubled", "breaches up by half")


@dataclass(frozen=True)
class Desk:
    """Cases of a made-up desk: one row a case, with its end and what is known of it."""

    cases: pd.DataFrame
    days: int


def simulate(seed: int, days: int, change: str = "", change_day: int = 10_000) -> Desk:
    """Simulate a desk with weekly cycles and weeks that differ; from a day on, something has changed for new cases."""
    dice = np.random.default_rng(seed)
    weeks = days // 7 + 2
    volume = np.exp(0.08 * _walk(dice, weeks))
    mix = 0.15 * np.column_stack([_walk(dice, weeks) for _ in range(4)])
    day = np.arange(days)
    rate = CASES_A_DAY * volume[day // 7] * np.where(day % 7 < 5, 1.2, 0.5)
    rate *= np.where((change == "volume doubled") & (day >= change_day), 2.0, 1.0)
    of = np.repeat(day, dice.poisson(rate))
    n, changed = len(of), of >= change_day
    opened = of + np.sort(dice.uniform(0, 1, n))
    logits = np.log([0.4, 0.3, 0.2, 0.1]) + mix[of // 7]
    logits[:, 3] += np.where((change == "mix shifted") & changed, np.log(3.0), 0.0)
    channel = np.array(["email", "phone", "web", "chat"])[_draw(dice, logits)]
    if change == "new category":
        channel[changed & (dice.uniform(size=n) < 0.1)] = "app"
    priority = dice.choice(["1", "2", "3"], n, p=[0.15, 0.35, 0.5])
    account = dice.choice(["a", "b", "c", "d", "e"], n)
    leaver = (change == "leaver") & changed & (account == "b")
    reopens = dice.uniform(size=n) < np.where(leaver, 0.18, 0.08)
    slow = 0.9 * dice.normal(size=n) + 0.1 * volume[of // 7] + 0.7 * reopens + 0.3 * (priority == "3")
    slow += np.where(leaver, np.log(1.3), 0.0) + np.where((change == "breaches up by half") & changed, 0.35, 0.0)
    hours = 20 * np.exp(slow)
    lost = np.where((change == "missing share doubled") & changed, 0.3, 0.15)
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(n)], "opened": opened, "ended": opened + hours / 24})
    cases["channel"], cases["priority"], cases["attr_account"] = channel, priority, account
    cases["product"] = dice.choice([f"p{i}" for i in range(8)], n)
    cases["team"] = np.where(channel == "phone", "first line", dice.choice(["north", "south"], n))
    cases["attr_impact"] = pd.Series(dice.choice(["low", "high"], n)).where(dice.uniform(size=n) >= lost)
    cases["reopens"], cases["text_length"] = reopens.astype(float), dice.lognormal(5, 1, n)
    return Desk(cases, days)


def _walk(dice: np.random.Generator, n: int) -> np.ndarray:
    """Return weeks that resemble the week before: a first-order autoregression with standard deviation 1."""
    out = dice.normal(size=n)
    for place in range(1, n):
        out[place] = 0.6 * out[place - 1] + 0.8 * out[place]
    return out


def _draw(dice: np.random.Generator, logits: np.ndarray) -> np.ndarray:
    return (logits + dice.gumbel(size=logits.shape)).argmax(axis=1)


def look(desk: Desk, night: int) -> tuple[pd.DataFrame, pd.Timestamp, np.ndarray, pd.DataFrame]:
    """Return snapshots of the past mornings, the last one, risks and outcomes as they are known on a night."""
    first, cases = night - TRAIN_DAYS, desk.cases
    near = cases[(cases["ended"] >= first) & (cases["opened"] < night)]
    begin, end = np.ceil(near["opened"]).clip(lower=first), np.floor(near["ended"]).clip(upper=night)
    count = (end - begin + 1).clip(lower=0).astype(int).to_numpy()
    rows = near.loc[near.index.repeat(count)].reset_index(drop=True)
    day = np.repeat(begin.to_numpy(), count) + np.concatenate([np.arange(c) for c in count])
    rows["age_s"] = (day - rows["opened"]) * 86400
    rows["at"] = BEGIN + pd.to_timedelta(day, unit="D")
    rows["already_breached"] = rows["age_s"] > TARGET_H * 3600
    rows["left_s"] = TARGET_H * 3600 - rows["age_s"]
    risk = 1 / (1 + np.exp(2.2 - rows["age_s"] / 40_000 - 0.5 * (rows["priority"] == "3")))
    hours = (cases["ended"] - cases["opened"]) * 24
    due = BEGIN + pd.to_timedelta(cases["opened"] + TARGET_H / 24, unit="D")
    done = BEGIN + pd.to_timedelta(cases["ended"], unit="D")
    labels = pd.DataFrame({"case_id": cases["case_id"], "label": hours > TARGET_H, "due_at": due})
    labels["known_at"] = done.where(done < due, due)
    until = BEGIN + pd.Timedelta(days=night)
    return rows.drop(columns=["opened", "ended"]), until, risk.to_numpy(), labels[labels["known_at"] <= until]


def is_reported(desk: Desk, night: int) -> bool:
    """Tell whether drift is reported on a night."""
    rows, until, risk, labels = look(desk, night)
    return not detect_drift(rows, until, probability=risk, outcomes=labels).moved.empty


def count_false_alarms(desks: int, weeks: int) -> None:
    """Print false alarms a month: mornings on which drift is reported after a week without."""
    nights, alarms, began = [], 0, time.perf_counter()
    for seed in range(desks):
        desk = simulate(seed, TRAIN_DAYS + 7 * weeks + 30)
        told = np.array([is_reported(desk, TRAIN_DAYS + 30 + night) for night in range(7 * weeks)])
        nights.append(told.mean())
        where = np.flatnonzero(told)
        alarms += int((np.diff(where) > 7).sum()) + bool(len(where))
    months = desks * 7 * weeks / 30
    print(f"{desks} quiet desks, {weeks} weeks each: {alarms} false alarms in {months:.0f} months, ", end="")
    print(f"{alarms / months:.2f} a month; reported on {np.mean(nights):.1%} of the mornings")
    print(f"{(time.perf_counter() - began) / desks / weeks / 7:.2f} s a morning, made-up data included", flush=True)


def count_found(desks: int) -> None:
    """Print the share of desks on which each change is reported by a night after it."""
    day = TRAIN_DAYS + 60
    print("change".ljust(24) + "".join(f"{f'{n} nights':>11}" for n in LOOKS))
    for change in CHANGES:
        seen = np.zeros((desks, len(LOOKS)), dtype=bool)
        for seed in range(desks):
            desk = simulate(10_000 + seed, day + max(LOOKS) + 1, change, day)
            seen[seed] = np.logical_or.accumulate([is_reported(desk, day + n) for n in LOOKS])
        print(change.ljust(24) + "".join(f"{share:>11.0%}" for share in seen.mean(axis=0)), flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    count_false_alarms(*(numbers + [24, 8][len(numbers) :]))
    count_found(numbers[0] if numbers else 24)

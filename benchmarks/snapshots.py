"""Snapshots at scale: 100,000 rows of features from a log of a million events, and what memory it takes.

The log is drawn at random (a fixed seed): cases with replies, notes, assignments, pauses, statuses and resolutions,
promises on first response and resolution by priority on business hours, ten teams and 150 agents. Three
sorts of instants are measured: every morning, at creation, and at every update of a sample of the cases.

Run: ``python benchmarks/snapshots.py [EVENTS]`` (default 1,000,000).
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.snapshots.snapshots import daily, feature_columns, snapshots

PER_CASE = 10
DAYS = 365
START = np.datetime64("2024-01-01T00:00", "us")
#: Kind of event and how often it comes.
KINDS = {
    "message": 40,
    "assigned": 16,
    "status": 16,
    "paused": 8,
    "resumed": 8,
    "priority": 3,
    "escalated": 2,
    "field": 7,
}


def draw_log(n_events: int, seed: int = 7) -> CaseLog:
    """Return a random log with about so many events."""
    rng = np.random.default_rng(seed)
    n = n_events // PER_CASE
    born = np.sort(rng.integers(0, DAYS * 86400, n))
    life = rng.exponential(2.0 * 86400, n) + 600
    case = np.repeat(np.arange(n), PER_CASE - 2)
    kind = rng.choice(list(KINDS), len(case), p=np.array(list(KINDS.values())) / sum(KINDS.values()))
    at = born[case] + (life[case] * rng.random(len(case))).astype(int)
    human = rng.random(len(case)) < 0.65
    team = rng.integers(0, 10, n)[case]
    moved = np.where(rng.random(len(case)) < 0.15, rng.integers(0, 10, len(case)), team)
    status = rng.choice(["open", "pending", "waiting for vendor"], len(case))
    new = np.where(kind == "status", status, np.where(kind == "priority", rng.choice(list("123"), len(case)), None))
    events = pd.DataFrame(
        {
            "case_id": case,
            "at": at,
            "kind": kind,
            "actor_role": np.where(human, "agent", "customer"),
            "actor_id": np.where(human, team * 15 + rng.integers(0, 15, len(case)), -1),
            "public": rng.random(len(case)) < 0.8,
            "new": new,
            "team": np.where(kind == "assigned", moved, -1),
        }
    )
    ends = pd.DataFrame({"case_id": np.tile(np.arange(n), 2), "kind": np.repeat(["resolved", "closed"], n)})
    ends["at"] = np.concatenate([born + life.astype(int), born + life.astype(int) + 3 * 86400])
    events = pd.concat([events, ends], ignore_index=True)
    events = events[events["at"] < DAYS * 86400].copy()
    events["case_id"] = "c" + events["case_id"].astype(str).str.zfill(8)
    events["at"] = pd.to_datetime(START + events["at"].to_numpy() * np.timedelta64(1_000_000, "us")).tz_localize("UTC")
    for name, letter in (("actor_id", "a"), ("team", "t")):
        there = events[name] >= 0
        events[name] = (letter + events[name].fillna(-1).astype(int).astype(str)).where(there)
    cases = pd.DataFrame({"case_id": "c" + pd.Series(np.arange(n)).astype(str).str.zfill(8)})
    cases["created_at"] = pd.to_datetime(START + born * np.timedelta64(1_000_000, "us")).tz_localize("UTC")
    for name, count in (("channel", 4), ("product", 12), ("region", 5), ("case_type", 6)):
        cases[name] = pd.Series(rng.integers(0, count, n)).astype(str).radd(name[0])
    cases["priority"] = rng.choice(list("123"), n)
    cases["impact"] = rng.choice(["low", "middle", "high"], n)
    policies = pd.DataFrame(
        {
            "policy": ["reply", "first", "rest"],
            "metric": ["first_response", "resolution", "resolution"],
            "priority": [None, "1", None],
            "target_s": [4 * 3600.0, 8 * 3600.0, 24 * 3600.0],
            "clock": "business",
            "calendar": "office",
            "pause_on": [None, "pending", "pending"],
        }
    )
    office = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["08:00-19:00"]}, holidays="PT")
    return CaseLog.from_frames(
        cases=cases,
        events=events,
        sla_policies=policies,
        calendars={"office": office},
        timezone="Europe/Lisbon",
        attributes={"impact": "creation"},
    )


def main(n_events: int) -> None:
    """Print seconds, rows and peak memory for each sort of instants."""
    log = draw_log(n_events)
    events = int(log.table("events").count().execute())
    print(f"{events:,} events; peak memory after drawing them {peak():,.0f} MB")
    ids = log.frame(log.table("cases").select("case_id"))["case_id"]
    some = ids.sample(min(len(ids), 13_000), random_state=1)
    told = log.frame(log.table("events").select("case_id", "at"))
    pairs = told[told["case_id"].isin(some)].drop_duplicates()
    mornings = daily("2024-01-08", log.until, "08:00", "Europe/Lisbon")
    step = max(1, round(n_events * len(mornings) / 2_500_000 / 60))
    for name, at in (("every morning", mornings[::step]), ("at creation", "creation"), ("updates of some", pairs)):
        begun, work = time.perf_counter(), time.process_time()
        rows = snapshots(log, at, "resolution")
        seconds, work = time.perf_counter() - begun, time.process_time() - work
        wide = sum(map(len, feature_columns(rows)))
        print(
            f"{name:>16}: {len(rows):8,} rows of {wide} features in {seconds:5.1f} s ({work:.1f} s of work); "
            f"peak memory {peak():,.0f} MB"
        )


def peak() -> float:
    """Return the largest memory of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)

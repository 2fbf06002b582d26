"""A made-up desk of deferred work: eight weeks of cases that four agents do in order, and a week that is otherwise."""

import numpy as np
import pandas as pd

CONFIG = """
timezone = "Europe/Berlin"
[source.cases]
path = "cases.csv"
[source.events]
path = "events.csv"
[source.agent_time]
path = "time.csv"
[calendar.office]
timezone = "Europe/Berlin"
open = { mon-fri = ["08:00-18:00"] }
[[sla]]
metric = "resolution"
target = "8h"
clock = "business"
calendar = "office"
[staffing.email]
kind = "cases"
where = { channel = "email" }
aht = "30min"
calendar = "office"
interval = "1h"
horizon_days = 7
shrinkage = 0
max_occupancy = 1.0
confidence = 0.8
"""
MONDAY, CREW = pd.Timestamp("2024-03-04"), 4


def write_desk(folder, days=56, busy=1.0, minutes=30.0, away=0, until=None, seed=3):
    """Write 60 cases a day that four agents do in order in 30 minutes each, and a last week that is otherwise.

    In the week of Monday 4 March 2024 ``busy`` times as many cases come, each takes ``minutes``, and ``away`` agents
    are absent. The log ends on Monday 11 March, or at ``until`` on the desk's clock.
    """
    dice = np.random.default_rng(seed)
    usual = pd.bdate_range(MONDAY - pd.Timedelta(days=days), MONDAY - pd.Timedelta(days=1))
    week = pd.bdate_range(MONDAY, periods=5)
    born = [
        day + pd.to_timedelta(np.sort(dice.uniform(8 * 60, 18 * 60, dice.poisson(60 * factor))), unit="min")
        for dates, factor in ((usual, 1.0), (week, busy))
        for day in dates
    ]
    after = pd.DatetimeIndex([MONDAY + pd.Timedelta("7D 10min")])  # with this case the log ends
    created = pd.DatetimeIndex(np.concatenate([*born, after])).floor("s")
    late = np.asarray(created >= MONDAY)
    done = _work_off(created, np.where(late, CREW - away, CREW), np.where(late, minutes, 30.0))
    end = MONDAY + pd.Timedelta("7D 10min") if until is None else pd.Timestamp(until)
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(len(created))], "created_at": _instants(created)})
    cases = cases.assign(channel="email", priority="2")[np.asarray(created <= end)]
    cases.to_csv(folder / "cases.csv", index=False)
    events = pd.DataFrame({"case_id": [f"c{i}" for i in range(len(done))], "at": _instants(done), "kind": "resolved"})
    events[np.asarray((done <= end) & (created <= end))].assign(seq=1).to_csv(folder / "events.csv", index=False)
    time = [
        (f"a{k}", "email", day + pd.Timedelta("8h"), day + pd.Timedelta("18h"), "available")
        for dates, crew in ((usual, CREW), (week, CREW - away))
        for day in dates
        for k in range(crew)
    ]
    frame = pd.DataFrame(time, columns=["agent_id", "team", "start", "end", "state"])
    frame = frame[frame["start"] < end].assign(end=frame["end"].clip(upper=end))
    for name in ("start", "end"):
        frame[name] = _instants(pd.DatetimeIndex(frame[name]))
    frame.to_csv(folder / "time.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)


def _instants(at):
    return at.tz_localize("Europe/Berlin").tz_convert("UTC")


def _work_off(created, crew, minutes):
    """Return when each case is done: first come, first served, from 8 to 18 on weekdays."""
    free, out = np.zeros(CREW), []
    for born, agents, length in zip(_open_minutes(created), crew, minutes, strict=True):
        who = int(np.argmin(free[:agents]))
        free[who] = max(free[who], born) + length
        out.append(free[who])
    return _clock(np.array(out), created[0].normalize())


def _open_minutes(at):
    first = at[0].normalize()
    days = np.busday_count(first.date(), at.normalize().to_numpy().astype("datetime64[D]"))
    return days * 600.0 + np.clip((at - at.normalize()).total_seconds() / 60 - 480, 0, 600)


def _clock(minutes, first):
    day = np.busday_offset(first.date(), (minutes // 600).astype(int))
    return (pd.DatetimeIndex(day) + pd.to_timedelta(480 + minutes % 600, unit="min")).floor("s")

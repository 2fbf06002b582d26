"""KPIs counted slowly: plain loops over the rows of one period and segment."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from case_twin import slow_history

DAY = 86400.0


def period_of(at: pd.Timestamp, freq: str, timezone: str) -> pd.Timestamp | None:
    if pd.isna(at):
        return None
    day = at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None, minute=0, second=0, microsecond=0, nanosecond=0)
    if freq == "h":
        return pd.Timestamp(day)
    day = pd.Timestamp(day).replace(hour=0)
    if freq == "W":
        return day - pd.Timedelta(days=day.weekday())
    return day.replace(day=1) if freq == "MS" else day


def whole_periods(first: pd.Timestamp, until: pd.Timestamp, freq: str, timezone: str) -> list[pd.Timestamp]:
    """Walk over every hour of the log; the period of the instant after the end is not whole."""
    hours = pd.date_range(first, until, freq="15min")
    seen = sorted({period_of(h, freq, timezone) for h in [*hours, until]})
    return [p for p in seen if p != period_of(until, freq, timezone)]


def slow_quantile(durations: list[float], ended: list[bool], share: float) -> float:
    survival = 1.0
    for time in sorted(set(durations)):
        at_risk = sum(d >= time for d in durations)
        survival *= 1 - sum(d == time and e for d, e in zip(durations, ended, strict=True)) / at_risk
        if survival <= 1 - share + 1e-9:
            return time
    return np.nan


class SlowDesk:
    """Canonical frames, one row a case, and the cells of a history."""

    def __init__(self, frames: dict[str, pd.DataFrame], until: pd.Timestamp, timezone: str, freq: str, by: str | None):
        self.frames, self.until, self.timezone, self.freq, self.by = frames, until, timezone, freq, by
        self.cases = frames["cases"].sort_values("case_id", ignore_index=True).drop(columns="team")
        derived = slow_history(frames, until).drop(columns="case_id")
        self.cases = pd.concat([self.cases, derived], axis=1)
        self.cases["team"] = frames["cases"].sort_values("case_id")["team"].to_numpy()

    def segment(self, row: pd.Series) -> str:
        if self.by is None:
            return "all"
        if self.by in row.index:
            value = row[self.by]
        else:
            mine = self.cases[self.cases["case_id"] == row.get("case_id")]
            value = mine[self.by].iloc[0] if len(mine) else None
        return value if isinstance(value, str) else "(missing)"

    def cells(
        self, table: pd.DataFrame, first: str, at: str, value: Callable[[list[pd.Series]], float]
    ) -> dict[tuple[str, pd.Timestamp], float]:
        """The value of every segment and whole period."""
        found: dict[tuple[str, pd.Timestamp | None], list[pd.Series]] = {}
        for _, row in table.iterrows():
            found.setdefault((self.segment(row), period_of(row[at], self.freq, self.timezone)), []).append(row)
        segments = sorted({self.segment(row) for _, row in table.iterrows()})
        wholes = whole_periods(table[first].min(), self.until, self.freq, self.timezone)
        return {(s, p): value(found.get((s, p), [])) for s in segments for p in wholes}

    def ripe(self, at: pd.Timestamp, days: float) -> bool:
        return not pd.isna(at) and at + pd.Timedelta(days=days) <= self.until

    def share(self, table: pd.DataFrame, first: str, at: str, hit: Callable, of: Callable = lambda row: True):
        def value(rows):
            counted = [bool(hit(row)) for row in rows if of(row)]
            return np.mean(counted) if counted else np.nan

        return self.cells(table, first, at, value)

    def median(self, table: pd.DataFrame, first: str, at: str, spent: Callable, ended: Callable, of=lambda row: True):
        def value(rows):
            rows = [row for row in rows if of(row)]
            return slow_quantile([spent(row) for row in rows], [ended(row) for row in rows], 0.5)

        return self.cells(table, first, at, value)

    def mean(self, table: pd.DataFrame, first: str, at: str, amount: Callable, of=lambda row: True):
        def value(rows):
            known = [float(amount(row)) for row in rows if of(row)]
            return np.mean(known) if known else np.nan

        return self.cells(table, first, at, value)


def seconds(start: pd.Timestamp, stop: pd.Timestamp) -> float:
    return (stop - start).total_seconds()


def again(desk: SlowDesk, row: pd.Series, same: bool) -> list[pd.Timestamp]:
    """Creations of the customer's later cases."""
    if not isinstance(row["customer_id"], str):
        return []
    others = desk.cases[desk.cases["customer_id"] == row["customer_id"]]
    others = others[(others["created_at"] > row["created_at"])
                    | ((others["created_at"] == row["created_at"]) & (others["case_id"] > row["case_id"]))]  # fmt: skip
    return list(others[others["case_type"] == row["case_type"]]["created_at"] if same else others["created_at"])


def slow_backlog(desk: SlowDesk) -> dict[tuple[str, pd.Timestamp], float]:
    """Count the cases that are open at the end of each period, by walking through their events again."""
    wholes = whole_periods(desk.cases["created_at"].min(), desk.until, desk.freq, desk.timezone)
    out = {}
    events = desk.frames["events"].sort_values(["case_id", "at", "seq"])
    for segment in sorted({desk.segment(row) for _, row in desk.cases.iterrows()}):
        mine = desk.cases[[desk.segment(row) == segment for _, row in desk.cases.iterrows()]]
        for period in wholes:
            still = 0
            for case in mine.itertuples():
                born = period_of(case.created_at, desk.freq, desk.timezone)
                if born > period:
                    continue
                is_open = True
                for event in events[events["case_id"] == case.case_id].itertuples():
                    if period_of(event.at, desk.freq, desk.timezone) > period:
                        break
                    if event.kind in ("resolved", "closed", "merged"):
                        is_open = False
                    if event.kind == "reopened":
                        is_open = True
                still += is_open
            out[segment, period] = float(still)
    return out


def open_cases_at(desk: SlowDesk, at: pd.Timestamp) -> list[pd.Series]:
    """Cases that are open just before an instant."""
    events = desk.frames["events"].sort_values(["case_id", "at", "seq"])
    events = events[(events["at"] < at) & events["kind"].isin(["resolved", "closed", "merged", "reopened"])]
    last = events.groupby("case_id")["kind"].last()
    born = desk.cases[desk.cases["created_at"] < at]
    return [row for _, row in born.iterrows() if last.get(row["case_id"], "reopened") == "reopened"]


def slow_backlog_age(desk: SlowDesk) -> dict[tuple[str, pd.Timestamp], float]:
    wholes = whole_periods(desk.cases["created_at"].min(), desk.until, desk.freq, desk.timezone)
    step = {"D": pd.DateOffset(days=1), "W": pd.DateOffset(days=7), "MS": pd.DateOffset(months=1)}[desk.freq]
    out = {}
    for period in wholes:
        end = (period + step).tz_localize(desk.timezone).tz_convert("UTC")
        found = open_cases_at(desk, end)
        for segment in sorted({desk.segment(row) for _, row in desk.cases.iterrows()}):
            ages = sorted(seconds(row["created_at"], end) for row in found if desk.segment(row) == segment)
            out[segment, period] = ages[(len(ages) + 1) // 2 - 1] if ages else np.nan
    return out


def slow_turns(desk: SlowDesk) -> pd.DataFrame:
    """Walk through each conversation and note when the customer begins to wait and when the wait is over."""
    turns = []
    events = desk.frames["events"]
    for _, case in desk.cases.iterrows():
        asked = None
        mine = events[(events["case_id"] == case["case_id"]) & (events["kind"] == "message")].sort_values(["at", "seq"])
        for event in mine.itertuples():
            if event.public is not True:
                continue
            if event.actor_role == "customer" and asked is None:
                asked = event.at
            if event.actor_role == "agent" and asked is not None:
                turns.append((case["case_id"], asked, seconds(asked, event.at), True))
                asked = None
        if asked is not None and not (not pd.isna(case["ended_at"]) and case["ended_at"] <= asked):
            stop = desk.until if pd.isna(case["ended_at"]) else case["ended_at"]
            turns.append((case["case_id"], asked, seconds(asked, stop), False))
    return pd.DataFrame(turns, columns=["case_id", "at", "spent", "over"])


def slow_sessions(desk: SlowDesk) -> pd.DataFrame:
    views = desk.frames["article_views"].merge(desk.cases[["case_id", "created_at"]], on="case_id", how="left")
    rows = [(name, mine["viewed_at"].min(), mine["created_at"].min()) for name, mine in views.groupby("session_id")]
    return pd.DataFrame(rows, columns=["session_id", "begun", "asked"])


def slow_kpis(desk: SlowDesk) -> dict[str, Callable[[], dict[tuple[str, pd.Timestamp], float]]]:
    """Name -> a function that counts the KPI."""
    cases, frames, until = desk.cases, desk.frames, desk.until
    contacts, surveys = frames["contacts"], frames["surveys"]

    def time_of(column):
        return lambda row: row["age_s"] if pd.isna(row[column]) else row[column]

    def resolved_share(hit):
        return lambda: desk.share(cases, "created_at", "resolved_at", hit)

    def handled(row):
        if pd.isna(row["ended_at"]):
            return seconds(row["answered_at"], until)
        return seconds(row["answered_at"], row["ended_at"]) + row["wrap_s"]

    def answered_soon(row):
        return not pd.isna(row["answered_at"]) and seconds(row["queued_at"], row["answered_at"]) <= 20

    def waited(row):
        stop = row["answered_at"] if not pd.isna(row["answered_at"]) else row["ended_at"]
        return seconds(row["queued_at"], until if pd.isna(stop) else stop)

    def decided(row):
        known = not pd.isna(row["answered_at"]) or isinstance(row["outcome"], str)
        return known or seconds(row["queued_at"], until) >= 20

    def touches(row):
        mine = contacts[(contacts["case_id"] == row["case_id"]) & contacts["answered_at"].notna()]
        return row["agent_messages"] + len(mine)

    def held(row):
        limit = row["first_resolved_at"] + pd.Timedelta(days=7)
        back = not pd.isna(row["first_reopened_at"]) and row["first_reopened_at"] <= limit
        return touches(row) <= 1 and not back and not any(t <= limit for t in again(desk, row, same=True))

    def calls_until(row):
        mine = contacts[contacts["case_id"] == row["case_id"]]
        return (mine["queued_at"] <= row["resolved_at"]).sum()

    def first_end(row):
        return (
            row["age_s"] if pd.isna(row["first_resolved_at"]) else seconds(row["created_at"], row["first_resolved_at"])
        )

    def answers(kind):
        return lambda row: row["kind"] == kind and not pd.isna(row["score"])

    def points(row):
        return 100.0 * (row["score"] >= 9) - 100.0 * (row["score"] <= 6)

    c, k, s = (cases, "created_at"), (contacts, "queued_at"), (surveys, "offered_at")
    turns, sessions, first = slow_turns(desk), slow_sessions(desk), cases["created_at"].min()
    split = desk.by is None
    unsplit = {
        "deflection_rate": lambda: desk.share(
            sessions,
            "begun",
            "begun",
            lambda row: not (not pd.isna(row["asked"]) and seconds(row["begun"], row["asked"]) <= DAY),
            lambda row: desk.ripe(row["begun"], 1),
        )
    }
    return (unsplit if split else {}) | {
        "backlog_age": lambda: slow_backlog_age(desk),
        "response_time": lambda: desk.median(
            turns.assign(first=first), "first", "at", lambda row: row["spent"], lambda row: row["over"]
        ),
        "cases_opened": lambda: desk.cells(*c, "created_at", len),
        "cases_resolved": lambda: desk.cells(*c, "resolved_at", len),
        "backlog": lambda: slow_backlog(desk),
        "contacts_offered": lambda: desk.cells(*k, "queued_at", len),
        "abandonment_rate": lambda: desk.share(
            *k, "queued_at", lambda row: row["outcome"] == "abandoned", lambda row: isinstance(row["outcome"], str)
        ),
        "service_level": lambda: desk.share(*k, "queued_at", answered_soon, decided),
        "answer_time": lambda: desk.median(*k, "queued_at", waited, lambda row: not pd.isna(row["answered_at"])),
        "handle_time": lambda: desk.median(
            *k,
            "queued_at",
            handled,
            lambda row: not pd.isna(row["ended_at"]),
            lambda row: not pd.isna(row["answered_at"]),
        ),
        "hold_time": lambda: desk.median(
            *k, "queued_at", lambda row: row["hold_s"], lambda row: True, lambda row: not pd.isna(row["hold_s"])
        ),
        "first_response_time": lambda: desk.median(
            *c, "created_at", time_of("first_response_s"), lambda row: not pd.isna(row["first_response_s"])
        ),
        "resolution_time": lambda: desk.median(
            *c, "created_at", time_of("resolution_s"), lambda row: not pd.isna(row["resolution_s"])
        ),
        "first_resolution_time": lambda: desk.median(
            *c, "created_at", first_end, lambda row: not pd.isna(row["first_resolved_at"])
        ),
        "active_resolution_time": lambda: desk.median(
            *c,
            "created_at",
            lambda row: time_of("resolution_s")(row) - row["pending_s"],
            lambda row: not pd.isna(row["resolution_s"]),
        ),
        "responded_within_24h": lambda: desk.share(
            *c,
            "created_at",
            lambda row: row["first_response_s"] <= DAY,
            lambda row: (
                desk.ripe(row["created_at"], 1)
                and (row["first_response_s"] <= DAY or row["is_open"] or row["age_s"] > DAY)
            ),
        ),
        "resolved_within_2d": lambda: desk.share(
            *c,
            "created_at",
            lambda row: row["resolution_s"] <= 2 * DAY,
            lambda row: desk.ripe(row["created_at"], 2) and (pd.isna(row["merged_at"]) or row["age_s"] > 2 * DAY),
        ),
        "reopen_rate": lambda: desk.share(
            *c,
            "first_resolved_at",
            lambda row: (
                not pd.isna(row["first_reopened_at"])
                and 0 <= seconds(row["first_resolved_at"], row["first_reopened_at"]) <= 7 * DAY
            ),
            lambda row: desk.ripe(row["first_resolved_at"], 7),
        ),
        "repeat_contact_rate": lambda: desk.share(
            *c,
            "created_at",
            lambda row: any(seconds(row["created_at"], t) <= 7 * DAY for t in again(desk, row, same=False)),
            lambda row: isinstance(row["customer_id"], str) and desk.ripe(row["created_at"], 7),
        ),
        "first_contact_resolution": lambda: desk.share(
            *c,
            "first_resolved_at",
            held,
            lambda row: isinstance(row["customer_id"], str) and desk.ripe(row["first_resolved_at"], 7),
        ),
        "contacts_to_resolution": lambda: desk.mean(*c, "resolved_at", calls_until),
        "interactions_per_case": lambda: desk.mean(
            *c, "resolved_at", lambda row: row["customer_messages"] + row["agent_messages"]
        ),
        "agents_per_case": lambda: desk.mean(*c, "resolved_at", lambda row: row["agents"]),
        "transfer_rate": resolved_share(lambda row: row["transfers"] > 0),
        "escalation_rate": resolved_share(lambda row: row["escalations"] > 0),
        "automation_rate": resolved_share(lambda row: row["agents"] == 0),
        "csat": lambda: desk.share(*s, "responded_at", lambda row: row["score"] >= 4, answers("csat")),
        "nps": lambda: desk.mean(*s, "responded_at", points, answers("nps")),
        "survey_response_rate": lambda: desk.share(
            *s,
            "offered_at",
            lambda row: not pd.isna(row["responded_at"]) and seconds(row["offered_at"], row["responded_at"]) <= 7 * DAY,
            lambda row: desk.ripe(row["offered_at"], 7),
        ),
    }

"""Other ways to count a figure of a case: what a system may have counted where its figure is not ours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.case_log.events import add_missing_event_columns
from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.sla.milestones import milestones

#: The most of what a log without a history has of each: a table of cases tells of one reply, and of no pause.
MAX_WITHOUT_HISTORY = {"agent_messages": 1, "reopens": 0, "transfers": 0, "pending_s": 0, "on_hold_s": 0}
#: Opening hours that many desks have, tried where those of the configuration do not explain a figure.
USUAL_HOURS = (("09:00", "17:00"), ("08:00", "17:00"), ("09:00", "18:00"), ("08:00", "18:00"), ("08:00", "16:00"),
               ("08:00", "20:00"), ("00:00", "24:00"))  # fmt: skip
_HOUR_S = 3600.0
#: Units that may have been taken for others -> theirs in ours.
UNIT_MISTAKES = (
    ("minutes for hours, or seconds for minutes", 60.0),
    ("hours for minutes, or minutes for seconds", 1 / 60),
    ("hours for days", 24.0),
    ("seconds for milliseconds", 1000.0),
)


@dataclass(frozen=True)
class OtherReading:
    """One other way to count: in words, and its value for each case."""

    words: str
    values: pd.Series


def read_our_figures(log: CaseLog) -> pd.DataFrame:
    """Return our own figures by case, with the instants that they are made of.

    Returns
    -------
    DataFrame
        By ``case_id``: the columns of the case history, ``last_closed_s``, ``assignments`` (all of team or agent),
        ``agent_changes``, ``opened_by_agent`` and ``second_reply_s`` (to the first agent's reply after the customer's
        first message), ``any_reply_s`` (the first public message that is not the customer's, of a machine too).
    """
    from ...features.cases.history import case_history

    cases = case_history(log).set_index("case_id")
    cases["last_closed_s"] = (cases["closed_at"] - cases["created_at"]).dt.total_seconds().clip(lower=0.0)
    if not log.has("events"):
        return cases
    events = add_missing_event_columns(log)
    kinds = ["created", "message", "assigned", "resolved", "closed", "reopened"]
    columns = ["case_id", "seq", "at", "kind", "field", "actor_role", "public"]
    rows = fetch(events.filter(events.kind.isin(kinds)).select(*columns)).sort_values(["case_id", "at", "seq"])
    rows["created_at"] = rows["case_id"].map(cases["created_at"])
    given = rows[rows["kind"] == "assigned"]
    cases["assignments"] = given["case_id"].value_counts().reindex(cases.index).fillna(0).astype("float64")
    to_person = given["field"].isin(["agent", "agent_id", "assignee", "owner"])
    cases["agent_changes"] = (given.loc[to_person, "case_id"].value_counts() - 1).reindex(cases.index).fillna(0.0)
    said = rows[(rows["kind"] == "message") & ~rows["public"].eq(False).fillna(False)]
    made = rows[(rows["kind"] == "created") & rows["actor_role"].eq("agent")]
    first = said.drop_duplicates("case_id")
    opening = first[first["actor_role"].eq("agent") & (first["at"] <= first["created_at"] + pd.Timedelta("60s"))]
    cases["opened_by_agent"] = cases.index.isin(made["case_id"]) | cases.index.isin(opening["case_id"])
    asked = said[said["actor_role"].eq("customer")].groupby("case_id")["at"].min()
    agent = said[said["actor_role"].eq("agent")]
    later = (
        agent[agent["at"] > pd.Series(asked.reindex(agent["case_id"]).array, index=agent.index)]
        .groupby("case_id")["at"]
        .min()
    )
    cases["second_reply_s"] = (later - asked).dt.total_seconds().reindex(cases.index)
    beyond = agent[agent["at"] > agent["created_at"] + pd.Timedelta("60s")].groupby("case_id")["at"].min()
    cases["later_reply_s"] = (beyond.reindex(cases.index) - cases["created_at"]).dt.total_seconds()
    machine = said[~said["actor_role"].eq("customer")].groupby("case_id")["at"].min()
    cases["any_reply_s"] = (machine.reindex(cases.index) - cases["created_at"]).dt.total_seconds()
    return cases


def our_figure(cases: pd.DataFrame, figure: str, calendars: dict[str, BusinessCalendar]) -> pd.Series:
    """Return our figure for each case; business hours are those of the one calendar, or by the clock without one."""
    if figure.endswith("_business_s"):
        plain = our_figure(cases, figure.replace("_business_s", "_s"), calendars)
        if len(calendars) != 1:
            return plain
        return _in_hours(cases, plain, next(iter(calendars.values())))
    names = {"first_resolution_s": "first_resolution_s", "agent_messages": "agent_messages"}
    name = names.get(figure, figure)
    values = cases[name].astype("float64") if name in cases else pd.Series(np.nan, index=cases.index)
    told = float(values.max()) > MAX_WITHOUT_HISTORY.get(name, -1)
    return values if told else values * np.nan  # without a history of it ours would be no figure


def other_readings(log: CaseLog, cases: pd.DataFrame, figure: str, ours: pd.Series) -> list[OtherReading]:
    """Return other ways to count a figure, the likelier first."""
    if figure in ("reopens", "transfers", "agent_messages"):
        return _other_counts(cases, figure, ours)
    calendars = dict(log.calendars)
    plain = our_figure(cases, figure.replace("_business_s", "_s"), calendars)
    ends = [("", plain)]
    if "resolution" in figure:
        ends += [("the first resolution", cases["first_resolution_s"]), ("the last resolution", cases["resolution_s"])]
        ends += [("the last closing", cases["last_closed_s"])]
    found = [OtherReading(words, values.astype("float64")) for words, values in ends if words]
    if "response" in figure and "opened_by_agent" in cases:
        mine = cases["opened_by_agent"]
        by_agent = "opened by an agent, whose own message is no reply"
        found.append(OtherReading(by_agent, cases["second_reply_s"].where(mine)))
        found.append(OtherReading(by_agent, cases["later_reply_s"].where(mine)))
        found.append(OtherReading("an automatic message counts as the reply", cases["any_reply_s"]))
    for name, calendar in calendars.items():
        for words, values in ends:
            joined = f"business hours of the calendar '{name}'" + (f", to {words}" if words else "")
            found.append(OtherReading(joined, _in_hours(cases, values, calendar)))
    if "resolution" in figure:
        pauses = [("time pending on the customer taken out", ["pending_s"]), ("time on hold taken out", ["on_hold_s"])]
        pauses += [("time pending and on hold taken out", ["pending_s", "on_hold_s"])]
        found += [OtherReading(w, plain - cases[p].astype("float64").sum(axis=1, min_count=1)) for w, p in pauses]
    found += [OtherReading("counted by the clock, not in business hours", plain)] if ours is not plain else []
    for begin, end in USUAL_HOURS:
        calendar = BusinessCalendar.from_hours(log.timezone, {"mon-fri": [f"{begin}-{end}"]})
        found.append(OtherReading(f"business hours Mon-Fri {begin}-{end}", _in_hours(cases, plain, calendar)))
    found += [OtherReading(f"another unit ({words})", ours * factor) for words, factor in UNIT_MISTAKES]
    for hours in (1, -1, *range(2, 13), *range(-12, -1)):
        moved = ours + hours * _HOUR_S
        found.append(OtherReading(f"clocks {abs(hours)} h apart (time zone)", moved.where(moved >= 0)))
    return found


def _other_counts(cases: pd.DataFrame, figure: str, ours: pd.Series) -> list[OtherReading]:
    if figure == "transfers" and "assignments" in cases:
        return [
            OtherReading("the first assignment counts too", ours + 1),
            OtherReading("every assignment counts, to a team or a person", cases["assignments"]),
            OtherReading("every assignment but the first counts", (cases["assignments"] - 1).clip(lower=0)),
            OtherReading("changes of the agent count, not of the team", cases["agent_changes"]),
        ]
    if figure == "reopens":
        again = "only one re-opening counts"
        return [OtherReading(again, ours.clip(upper=1)), OtherReading("none counts", ours * 0)]
    return [OtherReading("the opening message counts too", ours + 1), OtherReading("it does not count", ours - 1)]


def _in_hours(cases: pd.DataFrame, seconds: pd.Series, calendar: BusinessCalendar) -> pd.Series:
    """Return how much of the time since the opening lies in opening hours."""
    known = seconds.notna()
    out = pd.Series(np.nan, index=cases.index)
    begin = pd.DatetimeIndex(cases.loc[known, "created_at"].array)
    end = begin + pd.to_timedelta(seconds[known].to_numpy(dtype=float), unit="s")
    out[known] = calendar.seconds_between(begin, end.as_unit("us")) if known.any() else 0.0
    return out


def promises_kept(log: CaseLog, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Return by case and metric whether a promise that is measured here was kept, with pauses and without."""
    rows = milestones(log)
    rows = rows[rows["metric"].isin(metrics) & rows["target_s"].notna() & rows["status"].isin(["met", "breached"])]
    rows = rows[rows["stopped_at"].notna()].drop_duplicates(["case_id", "metric"], keep="last")
    whole = rows["elapsed_s"] + rows["paused_s"].fillna(0.0)
    return rows[["case_id", "metric"]].assign(
        kept=rows["status"].eq("met"), kept_unpaused=whole <= rows["target_s"], paused=rows["paused_s"].fillna(0.0) > 0
    )

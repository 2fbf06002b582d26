"""When a conversation of Chatwoot was due, and which targets Chatwoot says were missed.

Chatwoot keeps no due times: it adds the threshold of the policy to the creation, or for the next response to the time
since which the customer waits. A policy may count business hours only; these are the working hours of the inbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pandas as pd

from ..calendars.business_calendar import BusinessCalendar
from ..errors import InputError
from .export import ExportRows
from .pieces import Piece, build_due_times, build_sla_flag_events, look_up_by_case
from .stated_settings import StatedCalendar, StatedPromise

#: Metric -> number of its event, and when it was done.
_METRICS: Mapping[str, tuple[str, str]] = {
    "first_response": ("0", "first_reply_at"), "next_response": ("1", ""), "resolution": ("2", ""),
}  # fmt: skip
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def read_chatwoot_sla(taken: Mapping[str, ExportRows], cases: ExportRows) -> tuple[list[Piece], pd.DataFrame | None]:
    """Return Chatwoot's own flags as events, and the due times; nothing without policies and what they apply to."""
    if "policies" not in taken or "applied_slas" not in taken:
        return [], None
    rows = taken["applied_slas"].rows
    policies = taken["policies"].accepted_rows().drop_duplicates("key").set_index("key")
    known = cases.accepted_rows().drop_duplicates("case_id").set_index("case_id")
    of_case = {name: look_up_by_case(rows["case_id"], known[name]) for name in
               ("created_at", "waiting_since", "first_reply_at", "inbox_id")}  # fmt: skip
    calendars = _build_calendars(taken)
    in_hours = look_up_by_case(rows["policy_id"], policies["in_hours"]).fillna(False).astype(bool)
    calendar = of_case["inbox_id"].where(in_hours).map(calendars)
    flags: list[Piece] = []
    due_times = []
    for metric, (number, done) in _METRICS.items():
        seconds = look_up_by_case(rows["policy_id"], policies[metric])
        start = of_case["created_at"]
        if metric == "next_response":  # it is asked for once there was a first one
            start = of_case["waiting_since"].where(of_case["first_reply_at"].notna())
        due = _add(start, seconds, calendar)
        set_at = rows["at"].where(rows["at"] >= start, start)
        due_times.append(build_due_times(rows["case_id"], metric, due, set_at))
        broken = _missed(taken.get("sla_events"), rows["case_id"], number)
        name = pd.Series(metric, index=rows.index)
        finished = of_case[done] if done else None
        flags += build_sla_flag_events(
            taken["applied_slas"], rows["case_id"], name, rows["at"].where(seconds.notna()), broken, finished
        )
    return flags, pd.concat(due_times, ignore_index=True)


def _missed(events: ExportRows | None, case_id: pd.Series[Any], number: str) -> pd.Series[Any]:
    """Return when each conversation first missed a metric."""
    if events is None:
        return pd.Series(pd.NaT, index=case_id.index, dtype="datetime64[us, UTC]")
    rows = events.accepted_rows()
    first = rows[rows["type"] == number].groupby("case_id")["at"].min()
    return pd.Series(look_up_by_case(case_id, first)).astype("datetime64[us, UTC]")


def _add(start: pd.Series[Any], seconds: pd.Series[Any], calendar: pd.Series[Any]) -> pd.Series[Any]:
    """Return start plus seconds, of the calendar where there is one."""
    due = (start + pd.to_timedelta(seconds, unit="s")).dt.as_unit("us")
    for one in dict.fromkeys(calendar.dropna()):
        mine = calendar.map(lambda c, one=one: c == one) & start.notna() & seconds.notna()
        added = one.add(start[mine], seconds[mine].to_numpy())
        due[mine] = pd.Series(added, index=start.index[mine]).dt.as_unit("us")
    return pd.Series(due)


def read_inbox_hours(taken: Mapping[str, ExportRows]) -> dict[str, StatedCalendar]:
    """Return the working hours of each inbox that has them in use; one that is never open has none."""
    if "inboxes" not in taken or "working_hours" not in taken:
        return {}
    used = taken["inboxes"].accepted_rows()
    used = used[used["in_use"].fillna(False).astype(bool)]
    rows = taken["working_hours"].accepted_rows()
    found: dict[str, StatedCalendar] = {}
    for inbox, name, zone in zip(used["entry_id"], used["label"], used["zone"].fillna("UTC"), strict=True):
        week = {_DAYS[int(day.day)]: [_hours(day)] for day in rows[rows["inbox_id"] == inbox].itertuples()
                if _hours(day) and 0 <= day.day < len(_DAYS)}  # fmt: skip
        if week:
            found[inbox] = StatedCalendar(f"inbox {inbox} {name}", str(zone), week)
    return found


def read_settings(taken: Mapping[str, ExportRows]) -> tuple[list[StatedCalendar], list[StatedPromise]]:
    """Return the calendars and promises that Chatwoot keeps; inboxes with the same hours share one calendar."""
    hours = read_inbox_hours(taken)
    shared: dict[str, StatedCalendar] = {}
    for one in hours.values():
        shared.setdefault("\n".join(one.lines()[1:]), one)
    calendars = list(shared.values())
    promises: list[StatedPromise] = []
    for row in taken["policies"].accepted_rows().to_dict("records") if "policies" in taken else ():
        inside = not pd.isna(row["in_hours"]) and bool(row["in_hours"]) and bool(calendars)
        others = ", ".join(c.key for c in calendars[1:])
        remark = f"Its hours are those of the inbox: of others they are {others}." if inside and others else ""
        for metric in _METRICS:
            if not pd.isna(row[metric]) and row[metric] > 0:
                key = calendars[0].key if inside else ""
                promises.append(StatedPromise(f"policy {row['key']}", metric, float(row[metric]), key, remark=remark))
    return calendars, promises


def _build_calendars(taken: Mapping[str, ExportRows]) -> dict[str, BusinessCalendar]:
    """Return the calendar of each inbox whose hours can be used; what is wrong with others is said elsewhere."""
    found: dict[str, BusinessCalendar] = {}
    for inbox, stated in read_inbox_hours(taken).items():
        with suppress(InputError):
            found[inbox] = stated.build()
    return found


def _hours(day: Any) -> str:
    """Return the opening hours of a row of working hours, or nothing where it is closed."""
    if pd.notna(day.closed) and bool(day.closed):
        return ""
    if pd.notna(day.whole) and bool(day.whole):
        return "00:00-24:00"
    if pd.isna(day.open_hour) or pd.isna(day.close_hour):
        return ""
    minutes = [0 if pd.isna(m) else int(m) for m in (day.open_minutes, day.close_minutes)]
    return f"{int(day.open_hour):02d}:{minutes[0]:02d}-{int(day.close_hour):02d}:{minutes[1]:02d}"

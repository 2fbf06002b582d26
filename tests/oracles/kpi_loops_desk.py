"""KPIs of contacts, surveys, self-service, working time, money and repairs by loops over plain rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from kpi_twin import DAY, WEEK, Cells, Row, SlowDesk, cell, known, ratio_of, seconds


def contact_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of calls and chats."""
    until, contacts = desk.until, desk.table("contacts")
    for row in contacts:
        for name in ("answered_at", "ended_at", "hold_s", "wrap_s", "outcome"):
            row.setdefault(name, None)
    wraps = any(known(row["wrap_s"]) for row in contacts)
    k = (contacts, "queued_at", "queued_at")

    def waited(row: Row) -> float:
        stop = row["answered_at"] if known(row["answered_at"]) else row["ended_at"]
        return seconds(row["queued_at"], until if pd.isna(stop) else stop)

    def soon(row: Row) -> bool:
        return known(row["answered_at"]) and seconds(row["queued_at"], row["answered_at"]) <= 20

    def decided(row: Row) -> bool:
        return known(row["answered_at"]) or known(row["outcome"]) or seconds(row["queued_at"], until) >= 20

    def handled(row: Row) -> float:
        if pd.isna(row["ended_at"]):
            return seconds(row["answered_at"], until)
        return seconds(row["answered_at"], row["ended_at"]) + (row["wrap_s"] if wraps else 0.0)

    def whole(row: Row) -> bool:
        return known(row["answered_at"]) and (pd.isna(row["ended_at"]) or not wraps or known(row["wrap_s"]))

    return {
        "contacts_offered": lambda: desk.count(contacts, "queued_at"),
        "abandonment_rate": lambda: desk.share(
            *k, lambda row: row["outcome"] == "abandoned", lambda row: known(row["outcome"])
        ),
        "service_level": lambda: desk.share(*k, soon, decided),
        "answer_time": lambda: desk.time(*k, waited, lambda row: known(row["answered_at"]), 3600),
        "handle_time": lambda: desk.time(*k, handled, lambda row: known(row["ended_at"]), 7200, whole),
        "hold_time": lambda: desk.time(
            *k, lambda row: row["hold_s"], lambda row: True, 7200,
            lambda row: known(row["answered_at"]) and known(row["hold_s"]),
        ),
    }  # fmt: skip


def survey_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of surveys."""
    surveys = desk.table("surveys")
    s = (surveys, "offered_at")

    def answers(kind: str) -> Callable[[Row], bool]:
        return lambda row: row["kind"] == kind and known(row["score"])

    def csat() -> Cells:
        table = desk.share(*s, "responded_at", lambda row: row["score"] >= 4, answers("csat"))
        scores = desk.mean(*s, "responded_at", lambda row: row["score"], answers("csat"))
        return {key: dict(value, mean=scores[key]["value"]) for key, value in table.items()}

    def points(row: Row) -> float:
        return 100.0 * (row["score"] >= 9) - 100.0 * (row["score"] <= 6)

    return {
        "csat": csat,
        "nps": lambda: desk.mean(*s, "responded_at", points, answers("nps")),
        "ces": lambda: desk.mean(*s, "responded_at", lambda row: row["score"], answers("ces")),
        "agent_satisfaction": lambda: desk.mean(
            *s, "responded_at", lambda row: row["score"], answers("agent_satisfaction")
        ),
        "problem_solved_rate": lambda: desk.share(
            *s, "responded_at", lambda row: row["problem_solved"], lambda row: known(row["problem_solved"])
        ),
        "survey_response_rate": lambda: desk.share(
            *s,
            "offered_at",
            lambda row: known(row["responded_at"]) and seconds(row["offered_at"], row["responded_at"]) <= 7 * DAY,
            lambda row: desk.ripe(row["offered_at"], 7) and row["kind"] != "agent_satisfaction",
        ),
    }


def self_service_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of help articles and self-service tasks."""
    views, tasks = desk.table("article_views"), desk.table("tasks")
    first = {"at": min((row["viewed_at"] for row in views), default=None)}
    v = (views, "viewed_at", "viewed_at")
    out = {
        "article_views": lambda: desk.count(views, "viewed_at"),
        "article_read_time": lambda: desk.time(
            *v, lambda r: r["read_s"], lambda r: True, 3600, lambda r: known(r["read_s"])
        ),
        "article_left_within_10s": lambda: desk.share(*v, lambda r: r["read_s"] <= 10, lambda r: known(r["read_s"])),
    }
    if desk.by is not None:
        return out
    sessions: dict[object, list[Row]] = {}
    for row in views:
        sessions.setdefault(row["session_id"], []).append(row)
    begun = []
    for rows in sessions.values():
        asked = [desk.of_case[r["case_id"]]["created_at"] for r in rows if r.get("case_id") in desk.of_case]
        begun.append({"at": min(r["viewed_at"] for r in rows), "asked": min(asked, default=pd.NaT)})
    t = (tasks, "started_at", "started_at")
    finished = lambda row: row["completed"] is True  # noqa: E731
    opened = [dict(case, first=first["at"]) for case in desk.cases]
    return out | {
        "views_per_case": lambda: ratio_of(
            desk.count(views, "viewed_at"), desk.count(opened, "created_at", "first")
        ),
        "deflection_rate": lambda: desk.share(
            begun, "at", "at",
            lambda row: pd.isna(row["asked"]) or seconds(row["at"], row["asked"]) > DAY,
            lambda row: desk.ripe(row["at"], 1),
        ),
        "screens_per_task": lambda: desk.mean(*t, lambda row: row["screens"],
                                              lambda row: finished(row) and known(row["screens"])),
        "clicks_per_task": lambda: desk.mean(*t, lambda row: row["clicks"],
                                             lambda row: finished(row) and known(row["clicks"])),
        "task_completion_rate": lambda: desk.share(*t, finished, lambda row: known(row["completed"])),
    }  # fmt: skip


def work_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of agents' time and of money."""
    time, costs = desk.table("agent_time"), desk.table("costs")

    def busy(row: Row) -> bool:
        return row["state"] == "handling"

    def ready(row: Row) -> bool:
        return row["state"] in ("handling", "available")

    def paid(row: Row) -> bool:
        return row["paid"] is True

    def of(hit: Callable, base: Callable) -> Callable[[], Cells]:
        def made() -> Cells:
            hits, whole = desk.overlap(time, lambda r: hit(r) and base(r)), desk.overlap(time, base)
            return ratio_of(hits, whole)

        return made

    def done(rows: list[Row], at: str, of: Callable = lambda case: True) -> Cells:
        first = min(row["start"] for row in rows)
        return desk.cells([dict(case, first=first) for case in desk.cases], "first", at,
                          lambda mine: cell(value=sum(map(of, mine))))  # fmt: skip

    def per_hour() -> Cells:
        hours = {k: cell(value=v["value"] / 3600) for k, v in desk.overlap(time, paid).items()}
        finished = done(time, "resolved_at")
        return ratio_of({key: finished.get(key, cell(value=0)) for key in hours}, hours)

    def kept(case: Row) -> bool:
        if not desk.ripe(case["first_resolved_at"], 7):
            return False
        return pd.isna(case["first_reopened_at"]) or case["first_reopened_at"] - case["first_resolved_at"] > WEEK

    def money() -> Cells:
        spent, booked = (desk.overlap(costs, lambda row: True, *amount) for amount in ([lambda r: r["amount"]], []))
        unknown = {key for key in spent if not booked[key]["value"] > 0}  # no cost is booked there yet
        return {key: cell(value=np.nan) if key in unknown else one for key, one in spent.items()}

    def per_success() -> Cells:
        spans = desk.spans(min(row["start"] for row in costs))
        good = done(costs, "first_resolved_at", kept)
        return ratio_of(money(), {k: v if desk.ripe(spans[k[1]][1], 7) else cell(value=0) for k, v in good.items()})

    out = {"occupancy": of(busy, ready), "utilisation": of(busy, paid), "availability": of(ready, paid)}
    if desk.by is not None:
        return out
    return out | {
        "cases_per_agent_hour": per_hour,
        "effort_per_case": lambda: ratio_of(desk.overlap(time, busy), done(time, "resolved_at")),
        "cost_per_case": lambda: ratio_of(money(), done(costs, "resolved_at")),
        "cost_per_success": per_success,
    }


def repair_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of failures of assets."""
    until, repairs = desk.until, desk.table("repairs")
    for row in repairs:
        later = [
            r["failed_at"] for r in repairs if r["asset_id"] == row["asset_id"] and r["failed_at"] > row["failed_at"]
        ]
        row["next_at"] = min(later, default=pd.NaT)

    def end(at: object) -> pd.Timestamp:
        return until if pd.isna(at) else at

    return {
        "first_time_fix_rate": lambda: desk.share(
            repairs, "failed_at", "repaired_at",
            lambda r: r["fixed_first_visit"], lambda r: known(r["fixed_first_visit"]),
        ),
        "mttr": lambda: desk.time(
            repairs, "failed_at", "failed_at", lambda r: seconds(r["failed_at"], end(r["repaired_at"])),
            lambda r: known(r["repaired_at"]), 90 * DAY,
        ),
        "mtbf": lambda: desk.time(
            repairs, "failed_at", "repaired_at", lambda r: seconds(r["repaired_at"], end(r["next_at"])),
            lambda r: known(r["next_at"]), 365 * DAY,
            # what failed again before it was repaired never ran
            lambda r: known(r["repaired_at"]) and not r["next_at"] < r["repaired_at"],
        ),
    }  # fmt: skip

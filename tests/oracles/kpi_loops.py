"""Every KPI of the catalogue by loops over plain rows, as its words in the catalogue ask for it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from kpi_loops_desk import contact_kpis, repair_kpis, self_service_kpis, survey_kpis, work_kpis
from kpi_loops_waiting import article_kpis, denominator_kpis, money_kpis, outbound_kpis, waiting_kpis, within
from kpi_twin import DAY, WEEK, Cells, Row, SlowDesk, average, cell, each, known, part, seconds


def again(desk: SlowDesk, row: Row, same: bool) -> list[pd.Timestamp]:
    """Creations of the customer's later cases, of the same type if so wished."""
    if not isinstance(row["customer_id"], str):
        return []
    out = []
    for other in desk.cases:
        later = (other["created_at"], other["case_id"]) > (row["created_at"], row["case_id"])
        alike = not same or "case_type" not in row or _same(other["case_type"], row["case_type"])
        if later and other["customer_id"] == row["customer_id"] and alike:
            out.append(other["created_at"])
    return out


def _same(a: object, b: object) -> bool:
    return a == b or (pd.isna(a) and pd.isna(b))


def steps(desk: SlowDesk) -> dict[str, list[tuple[pd.Timestamp, str]]]:
    """When each case came into the backlog and left it, event by event: opened, reopened, resolved, merged."""
    out = {}
    for case in desk.cases:
        is_open, line = True, [(case["created_at"], "opened")]
        for event in desk.events[desk.events["case_id"] == case["case_id"]].itertuples():
            if event.kind in ("resolved", "closed", "merged") and is_open:
                is_open = False
                line.append((event.at, "merged" if event.kind == "merged" else "resolved"))
            if event.kind == "reopened" and not is_open:
                is_open = True
                line.append((event.at, "reopened"))
        out[case["case_id"]] = line
    return out


def open_at_end(desk: SlowDesk, measure: Callable[[list[float]], dict]) -> Cells:
    """Measure the ages of the cases that are open at the end of each period."""
    lines, spans = steps(desk), desk.spans(min(case["created_at"] for case in desk.cases))
    out: Cells = {}
    for segment in sorted({*map(desk.segment, desk.cases)}):
        mine = [case for case in desk.cases if desk.segment(case) == segment]
        for slot, (_, end) in spans.items():
            ages = []
            for case in mine:
                past = [change for at, change in lines[case["case_id"]] if at < end]
                if past and past[-1] in ("opened", "reopened"):
                    ages.append(seconds(case["created_at"], end))
            out[segment, slot] = measure(sorted(ages))
    return out


def flows(desk: SlowDesk) -> dict[str, Cells]:
    """Count the changes of each kind, so that the backlog can be followed from one period to the next."""
    lines = steps(desk)
    first = min(case["created_at"] for case in desk.cases)
    rows = [
        dict(case, at=at, change=change, first=first) for case in desk.cases for at, change in lines[case["case_id"]]
    ]
    kinds = ("opened", "reopened", "resolved", "merged")
    return {
        kind: desk.cells(
            rows, "first", "at", lambda mine, kind=kind: cell(value=sum(r["change"] == kind for r in mine))
        )
        for kind in kinds
    }


def backlog_age(ages: list[float]) -> dict:
    n = len(ages)
    if not n:
        return cell(n=0, numerator=0)
    middle, high = (_between(ages, 10 * n - tenths * n) for tenths in (5, 1))
    return cell(value=middle, median=middle, p90=high, mean=sum(ages) / n, n=n, numerator=n)


def _between(ages: list[float], tenths: int) -> float:
    """Return the age of which so many tenths of a case are younger; half-way where that is a whole number of cases."""
    place, rest = divmod(tenths, 10)
    return (ages[place - 1] + ages[min(place, len(ages) - 1)]) / 2 if rest == 0 else ages[place]


def resolution_rate(desk: SlowDesk) -> Cells:
    """Final resolutions over the backlog at the begin and what came in the period."""
    left, came = open_at_end(desk, lambda ages: cell(value=len(ages))), flows(desk)
    done, before, out = desk.count(desk.cases, "resolved_at", "created_at"), {}, {}
    for segment, slot in sorted(left):
        there = (
            before.get(segment, 0.0) + came["opened"][segment, slot]["value"] + came["reopened"][segment, slot]["value"]
        )
        out[segment, slot] = part(done[segment, slot]["value"], there)
        before[segment] = left[segment, slot]["value"]
    return out


def turns(desk: SlowDesk) -> list[Row]:
    """Walk through each conversation and note when the customer begins to wait and when the wait is over."""
    out: list[Row] = []
    said = bool(desk.events["public"].notna().any())
    talk = desk.events[desk.events["kind"] == "message"]
    for case in desk.cases:
        asked = None
        for event in talk[talk["case_id"] == case["case_id"]].itertuples():
            if said and event.public is not True:
                continue
            if event.actor_role == "customer" and asked is None:
                asked = event.at
            if event.actor_role == "agent" and asked is not None:
                out.append({"case_id": case["case_id"], "at": asked, "spent": seconds(asked, event.at), "over": True})
                asked = None
        if asked is not None and (pd.isna(case["ended_at"]) or case["ended_at"] > asked):
            stop = desk.until if pd.isna(case["ended_at"]) else case["ended_at"]
            out.append({"case_id": case["case_id"], "at": asked, "spent": seconds(asked, stop), "over": False})
    first = min(case["created_at"] for case in desk.cases)
    return [dict(row, first=first) for row in out]


def requests_per_agent(desk: SlowDesk) -> Cells:
    """Cases that agents acted on, once for each agent, over the agents."""
    first = min(case["created_at"] for case in desk.cases)
    acted = desk.events[(desk.events["actor_role"] == "agent") & desk.events["actor_id"].notna()]
    rows = [{"case_id": e.case_id, "who": e.actor_id, "at": e.at, "first": first} for e in acted.itertuples()]

    def measure(mine: list[Row]) -> dict:
        return each(len({(row["case_id"], row["who"]) for row in mine}), len({row["who"] for row in mine}))

    return desk.cells(rows, "first", "at", measure)


def case_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of cases and their events."""
    cases, until, contacts = desk.cases, desk.until, desk.table("contacts")
    c = (cases, "created_at")
    talked = bool((desk.events["kind"] == "message").any())

    def resolved(hit: Callable) -> Callable[[], Cells]:
        return lambda: desk.share(*c, "resolved_at", hit)

    def mean(amount: Callable) -> Callable[[], Cells]:
        return lambda: desk.mean(*c, "resolved_at", amount)

    def lasted(at: str, horizon: float, less: Callable = lambda row: 0.0) -> Callable[[], Cells]:
        def spent(row: Row) -> float:
            end = row[at] if known(row[at]) else row["ended_at"] if known(row["ended_at"]) else until
            return seconds(row["created_at"], end) - less(row)

        return lambda: desk.time(*c, "created_at", spent, lambda row: known(row[at]), horizon)

    def worked(at: str, horizon: float) -> Callable[[], Cells]:
        (calendar,) = desk.calendars.values()

        def spent(row: Row) -> float:
            end = row[at] if known(row[at]) else row["ended_at"] if known(row["ended_at"]) else until
            return float(calendar.seconds_between([row["created_at"]], [end])[0])

        return lambda: desk.time(*c, "created_at", spent, lambda row: known(row[at]), horizon)

    def answered(row: Row) -> list[Row]:
        return [k for k in contacts if k.get("case_id") == row["case_id"] and known(k.get("answered_at"))]

    def held(row: Row, window: pd.Timedelta = WEEK) -> bool:
        limit = row["first_resolved_at"] + window
        back = known(row["first_reopened_at"]) and row["first_reopened_at"] <= limit
        touches = row["agent_messages"] + len(answered(row))
        return touches <= 1 and not back and not any(t <= limit for t in again(desk, row, same=True))

    def replied(row: Row, limit: float) -> bool:
        return known(row["first_response_s"]) and row["first_response_s"] <= limit

    def responded_within(limit: float) -> Callable[[], Cells]:
        return lambda: desk.share(
            *c, "created_at", lambda row: replied(row, limit),
            lambda row: desk.ripe(row["created_at"], limit / DAY)
            and (replied(row, limit) or row["is_open"] or row["age_s"] > limit),
        )  # fmt: skip

    def resolved_within(limit: float) -> Callable[[], Cells]:
        return lambda: desk.share(
            *c, "created_at", lambda row: known(row["resolution_s"]) and row["resolution_s"] <= limit,
            lambda row: desk.ripe(row["created_at"], limit / DAY)
            and (pd.isna(row["merged_at"]) or row["age_s"] > limit),
        )  # fmt: skip

    def over(days: float) -> Callable[[], Cells]:
        return lambda: open_at_end(desk, lambda ages: part(sum(a > days * DAY for a in ages), len(ages)))

    def settled(mine: list[Row]) -> dict:
        values = [row["amount"] for row in mine if known(row["amount"])]
        return cell(value=sum(values), n=len(values), numerator=sum(values), mean=average(values)["mean"])

    def effort(row: Row) -> float:
        mine = [k for k in answered(row) if known(k.get("ended_at")) and k["ended_at"] >= k["answered_at"]]
        return sum(
            seconds(k["answered_at"], k["ended_at"]) + (k["wrap_s"] if known(k.get("wrap_s")) else 0) for k in mine
        )

    waits = turns(desk)
    more = within(desk, 12, again, held) if talked or contacts else {}
    return more | {
        "requests_per_agent": lambda: requests_per_agent(desk),
        "contact_effort_per_case": mean(effort),
        "cases_opened": lambda: desk.count(*c),
        "cases_resolved": lambda: desk.count(cases, "resolved_at", "created_at"),
        "backlog": lambda: open_at_end(desk, lambda a: cell(value=len(a), n=len(a), numerator=len(a))),
        "backlog_age": lambda: open_at_end(desk, backlog_age),
        **{f"backlog_over_{days}d": over(days) for days in (1, 2, 7, 30)},
        "resolution_rate": lambda: resolution_rate(desk),
        "first_response_time": lasted("first_response_at", 7 * DAY),
        "response_time": lambda: desk.time(waits, "first", "at", lambda r: r["spent"], lambda r: r["over"], 7 * DAY),
        "resolution_time": lasted("resolved_at", 90 * DAY),
        "first_resolution_time": lasted("first_resolved_at", 90 * DAY),
        "active_resolution_time": lasted("resolved_at", 90 * DAY, lambda row: row["pending_s"]),
        "first_response_time_business": lambda: worked("first_response_at", 7 * DAY)(),
        "resolution_time_business": lambda: worked("resolved_at", 90 * DAY)(),
        "responded_within_24h": responded_within(DAY),
        "responded_within_4h": responded_within(DAY / 6),
        "resolved_within_2d": resolved_within(2 * DAY),
        "resolved_within_5d": resolved_within(5 * DAY),
        "first_contact_resolution": lambda: desk.share(
            *c,
            "first_resolved_at",
            held,
            lambda row: (
                isinstance(row["customer_id"], str)
                and desk.ripe(row["first_resolved_at"], 7)
                and (talked or bool(contacts))
            ),
        ),
        "contacts_to_resolution": mean(
            lambda row: sum(
                k.get("case_id") == row["case_id"] and k["queued_at"] <= row["resolved_at"] for k in contacts
            )
        ),
        "interactions_per_case": mean(lambda row: row["customer_messages"] + row["agent_messages"]),
        "customer_messages_per_case": mean(lambda row: row["customer_messages"]),
        "agent_messages_per_case": mean(lambda row: row["agent_messages"]),
        "agents_per_case": mean(lambda row: row["agents"]),
        "transfer_rate": resolved(lambda row: row["transfers"] > 0),
        "escalation_rate": resolved(lambda row: row["escalations"] > 0),
        "automation_rate": resolved(lambda row: row["agents"] == 0),
        "reopen_rate": lambda: desk.share(
            *c,
            "first_resolved_at",
            lambda row: (
                known(row["first_reopened_at"])
                and 0 <= seconds(row["first_resolved_at"], row["first_reopened_at"]) <= 7 * DAY
            ),
            lambda row: desk.ripe(row["first_resolved_at"], 7),
        ),
        "repeat_contact_rate": lambda: desk.share(
            *c,
            "created_at",
            lambda row: any(t <= row["created_at"] + WEEK for t in again(desk, row, same=False)),
            lambda row: isinstance(row["customer_id"], str) and desk.ripe(row["created_at"], 7),
        ),
        "value_settled": lambda: desk.cells(*c, "resolved_at", settled),
    }


def attainment(desk: SlowDesk, milestones: list[Row]) -> dict[str, Callable[[], Cells]]:
    """Milestones met over milestones decided, of all metrics and of each."""
    first = min(case["created_at"] for case in desk.cases)
    rows = [dict(row, first=first) for row in milestones]
    said = ("met", "breached")

    def of(metric: str | None) -> Callable[[], Cells]:
        return lambda: desk.share(
            rows, "first", "decided_at", lambda r: r["status"] == "met",
            lambda r: r["status"] in said and metric in (None, r["metric"]),
        )  # fmt: skip

    out = {"sla_attainment": of(None)}
    return out | {f"sla_attainment_{m}": of(m) for m in sorted({row["metric"] for row in rows})}


def slow_kpis(desk: SlowDesk, milestones: list[Row] | None = None) -> dict[str, Callable[[], Cells]]:
    """Name -> a function that counts the KPI; of the tables that the frames hold."""
    out = case_kpis(desk)
    if milestones:
        out |= attainment(desk, milestones)
    out |= waiting_kpis(desk, steps(desk))
    groups = {"contacts": contact_kpis, "surveys": survey_kpis, "article_views": self_service_kpis,
              "agent_time": work_kpis, "repairs": repair_kpis, "searches": article_kpis, "costs": money_kpis,
              "outbound_contacts": outbound_kpis, "denominators": denominator_kpis}  # fmt: skip
    for table, group in groups.items():
        if table in desk.frames:
            out |= group(desk)
    return out

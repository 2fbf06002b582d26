"""KPIs of waiting, ping-pong, duplicates, articles, outbound contacts and denominators by loops over plain rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from kpi_twin import DAY, Cells, Row, SlowDesk, cell, each, known, part, ratio_of, seconds

Line = list[tuple[pd.Timestamp, str]]


def stays(desk: SlowDesk, lines: dict[str, Line], kind: str) -> list[Row]:
    """Walk through the instants of each case and note with whom it is while it is open."""
    out = []
    for case in desk.cases:
        born, told = case["created_at"], []
        if kind == "team" and isinstance(case.get("team"), str):
            told.append((born, case["team"]))
        for event in desk.events[desk.events["case_id"] == case["case_id"]].itertuples():
            value = event.team if kind == "team" else event.new if event.kind == "status" else None
            if isinstance(value, str):
                told.append((max(event.at, born), value))
        turns = [(max(at, born), change in ("opened", "reopened")) for at, change in lines[case["case_id"]]]
        here, begun, value, is_open, before = None, None, None, False, None
        for at in sorted({at for at, _ in told} | {at for at, _ in turns}):
            value = next((v for t, v in reversed(told) if t == at), value)
            is_open = next((o for t, o in reversed(turns) if t == at), is_open)
            now = value if is_open else None
            if now == here:
                continue
            if here is not None:
                out.append({"case_id": case["case_id"], kind: here, "at": begun, "left": at, "given_by": before})
            before, here, begun = here, now, at
        if here is not None:
            out.append({"case_id": case["case_id"], kind: here, "at": begun, "left": pd.NaT, "given_by": before})
    for row in out:
        row["spent"] = seconds(row["at"], desk.until if pd.isna(row["left"]) else row["left"])
    return [row for row in out if row["spent"] > 0]


def is_ping_pong(desk: SlowDesk, case: Row) -> bool:
    """Walk through the teams of a case and look for one that had it before another did."""
    first = case.get("team")
    path: list[str] = [first] if isinstance(first, str) else []
    for team in desk.events.loc[desk.events["case_id"] == case["case_id"], "team"]:
        if isinstance(team, str) and (not path or team != path[-1]):
            path.append(team)
    return any(team in path[:place] for place, team in enumerate(path))


def is_duplicate(desk: SlowDesk, lines: dict[str, Line], case: Row) -> bool:
    """Look through all other cases of the customer for one that came before and is open at that instant."""
    born = case["created_at"]
    for other in desk.cases:
        alike = other["customer_id"] == case["customer_id"] and (
            "case_type" not in case or other["case_type"] == case["case_type"]
            or (pd.isna(other["case_type"]) and pd.isna(case["case_type"]))
        )  # fmt: skip
        if not alike or (other["created_at"], other["case_id"]) >= (born, case["case_id"]):
            continue
        past = [change for at, change in lines[other["case_id"]] if at <= born]
        if past[-1] in ("opened", "reopened"):
            return True
    return False


def waiting_kpis(desk: SlowDesk, lines: dict[str, Line]) -> dict[str, Callable[[], Cells]]:
    """KPIs of teams, statuses, duplicates and of what the desk begins."""
    c = (desk.cases, "created_at")
    said = bool(desk.events["public"].notna().any())

    def stay(kind: str) -> Callable[[], Cells]:
        def made() -> Cells:
            rows = stays(desk, lines, kind)
            return desk.time(rows, "at", "at", lambda r: r["spent"], lambda r: known(r["left"]), 30 * DAY)

        return made

    story = {name: list(rows.itertuples()) for name, rows in desk.events.groupby("case_id")}

    def first_words(case: Row) -> tuple[pd.Timestamp, pd.Timestamp]:
        mine = [e for e in story.get(case["case_id"], ()) if e.kind == "message" and (not said or e.public is True)]
        ours = [e.at for e in mine if e.actor_role in ("agent", "bot", "system")]
        theirs = [e.at for e in mine if e.actor_role == "customer"]
        ours += [k["queued_at"] for k in desk.table("outbound_contacts") if k.get("case_id") == case["case_id"]]
        theirs += [k["queued_at"] for k in desk.table("contacts") if k.get("case_id") == case["case_id"]]
        return min(ours, default=pd.NaT), min(theirs, default=pd.NaT)

    def proactive(case: Row) -> bool:
        made = [e for e in story.get(case["case_id"], ()) if e.kind == "created"]
        ours, theirs = first_words(case)
        by_desk = any(e.actor_role in ("agent", "bot", "system") for e in made)
        return by_desk and known(ours) and (pd.isna(theirs) or ours < theirs)

    def spoken(case: Row) -> bool:
        words = [at for at in first_words(case) if known(at)]
        return desk.ripe(case["created_at"], 1) and any(seconds(case["created_at"], at) <= DAY for at in words)

    return {
        "team_time": stay("team"),
        "status_time": stay("status"),
        "pending_time_per_case": lambda: desk.mean(*c, "resolved_at", lambda row: row["pending_s"]),
        "on_hold_time_per_case": lambda: desk.mean(*c, "resolved_at", lambda row: row["on_hold_s"]),
        "ping_pong_rate": lambda: desk.share(*c, "resolved_at", lambda row: is_ping_pong(desk, row)),
        "duplicate_rate": lambda: desk.share(
            *c,
            "created_at",
            lambda row: is_duplicate(desk, lines, row),
            lambda row: isinstance(row["customer_id"], str),
        ),
        "proactive_rate": lambda: desk.share(*c, "created_at", proactive, spoken),
    }


def article_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """KPIs of articles one by one, of searches and of contacts that began on an article."""
    views, searches = desk.table("article_views"), desk.table("searches")
    contacts = [dict(row, first=min(k["queued_at"] for k in desk.table("contacts"))) for row in desk.table("contacts")]
    begun = [row for row in contacts if known(row.get("article_id"))]
    asked: dict[object, pd.Timestamp] = {}
    read: dict[tuple, pd.Timestamp] = {}
    for row in views:
        case = desk.of_case.get(row.get("case_id"))
        if case is not None:
            asked[row["session_id"]] = min(asked.get(row["session_id"], case["created_at"]), case["created_at"])
        key = (row["session_id"], row["article_id"] if desk.by == "article_id" else None)
        read[key] = min(read.get(key, row["viewed_at"]), row["viewed_at"])
    sessions = [{"article_id": a, "at": at, "asked": asked.get(s, pd.NaT)} for (s, a), at in read.items()]
    looked = [dict(row, article_id=None) for row in searches]
    if desk.by == "article_id":
        looked = []
        for row in searches:
            mine = sorted({v["article_id"] for v in views if v["session_id"] == row["session_id"]})
            looked += [dict(row, article_id=article) for article in mine or [None]]

    def contacts_begun() -> Cells:
        empty = {key: cell(value=0, n=0, numerator=0) for key in desk.count(contacts, "queued_at", "first")}
        return empty | desk.count(begun, "queued_at", "first")

    return {
        "deflection_rate": lambda: desk.share(
            sessions, "at", "at", lambda row: pd.isna(row["asked"]) or seconds(row["at"], row["asked"]) > DAY,
            lambda row: desk.ripe(row["at"], 1),
        ),
        "failed_search_rate": lambda: desk.share(
            looked, "searched_at", "searched_at", lambda row: row["found"] is False, lambda row: known(row["found"])
        ),
        "article_contacts": contacts_begun,
    }  # fmt: skip


def outbound_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """Share of what the desk began."""
    rows = [dict(row, out=False) for row in desk.table("contacts")]
    rows += [dict(row, out=True) for row in desk.table("outbound_contacts")]
    return {"outbound_share": lambda: desk.share(rows, "queued_at", "queued_at", lambda row: row["out"])}


def money_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """Money in all, by category where that is asked for."""
    costs = [dict(row, cost_category=row.get("category")) for row in desk.table("costs")]

    def cost() -> Cells:
        spent, booked = (desk.overlap(costs, lambda row: True, *amount) for amount in ([lambda r: r["amount"]], []))
        return {
            key: cell(
                value=one["value"] if booked[key]["value"] > 0 else np.nan, n=one["value"], numerator=one["value"]
            )
            for key, one in spent.items()
        }

    def per_case() -> Cells:
        first = min(row["start"] for row in costs)
        rows = [dict(case, first=first, cost_category=name) for case in desk.cases
                for name in sorted({row["cost_category"] for row in costs})]  # fmt: skip
        done = desk.cells(rows, "first", "resolved_at", lambda mine: cell(value=len(mine)))
        return ratio_of(cost(), done)

    out = {"cost": cost}
    return out | {"cost_per_case": per_case} if desk.by == "cost_category" else out


def denominator_kpis(desk: SlowDesk) -> dict[str, Callable[[], Cells]]:
    """Cases beside customers and units sold: month by month, where the whole period is covered."""
    months = desk.table("denominators")
    spans = desk.spans(min(row["start"] for row in months))

    def of(what: str) -> Callable[[], Cells]:
        def made() -> Cells:
            out: Cells = {}
            for name in sorted({*map(desk.segment, months)}):
                mine = [row for row in months if desk.segment(row) == name]
                lacking = {row["start"] for row in mine if not known(row[what])}
                mine = [row for row in mine if row["start"] not in lacking]
                cases = [case for case in desk.cases if desk.segment(case) == name]
                for slot, (start, end) in spans.items():
                    total, covered = 0.0, set()
                    for row in mine:
                        inside = seconds(max(row["start"], start), min(row["end"], end))
                        if inside > 0:
                            whole = seconds(start, end) if what == "customers" else seconds(row["start"], row["end"])
                            total += row[what] * inside / whole
                            covered.add((row["start"], inside))
                    whole = sum(inside for _, inside in covered) >= seconds(start, end)
                    count = sum(start <= case["created_at"] < end for case in cases)
                    out[name, slot] = each(count, total) if whole and total else cell(n=0, numerator=count)
            return out

        return made

    return {"cases_per_customer": of("customers"), "cases_per_unit": of("units")}


def within(desk: SlowDesk, days: float, again: Callable, held: Callable) -> dict[str, Callable[[], Cells]]:
    """Re-openings and further cases in another window than the usual one."""
    limit, c = pd.Timedelta(days=days), (desk.cases, "created_at")

    def back(row: Row) -> bool:
        return known(row["first_reopened_at"]) and row["first_reopened_at"] <= row["first_resolved_at"] + limit

    def measure(hit: Callable, of: Callable, at: str) -> Cells:
        return desk.cells(*c, at, lambda mine: part(sum(map(hit, filter(of, mine))), len(list(filter(of, mine)))))

    return {
        f"reopen_rate_{days:g}d": lambda: measure(back, lambda r: desk.ripe(r["first_resolved_at"], days),
                                                  "first_resolved_at"),
        f"repeat_contact_rate_{days:g}d": lambda: measure(
            lambda row: any(t <= row["created_at"] + limit for t in again(desk, row, same=False)),
            lambda row: isinstance(row["customer_id"], str) and desk.ripe(row["created_at"], days), "created_at",
        ),
        f"first_contact_resolution_{days:g}d": lambda: measure(
            lambda row: held(row, limit),
            lambda row: isinstance(row["customer_id"], str) and desk.ripe(row["first_resolved_at"], days),
            "first_resolved_at",
        ),
    }  # fmt: skip

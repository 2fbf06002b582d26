"""Milestones by due times, case by case and event by event: slow and obvious."""

import pandas as pd

TICK = pd.Timedelta("1us")


def settings_of(case, dues, events, until):
    """Return (from when, due) of one case in order; what is taken away holds after its instant only."""
    mine = events[events["case_id"] == case]
    ends = mine[mine["kind"].isin(["resolved", "closed", "merged"])]["at"].max()
    again = mine[mine["kind"] == "reopened"]["at"].max()
    over = pd.notna(ends) and not (pd.notna(again) and again > ends)
    found = []
    for row in dues[dues["case_id"] == case].itertuples():
        at = row.set_at if pd.notna(row.set_at) else ends if over else until
        if at <= until:
            found.append((at + (TICK if pd.isna(row.due_at) else 0 * TICK), row.due_at, at))
    return sorted(found, key=lambda f: f[0])


def in_force(found, when):
    """Return the due time that held at an instant, and since when, or None."""
    held = [f for f in found if f[0] <= when]
    return held[-1] if held else None


def stretches(case, created, events, until):
    """Yield (begin, end, how it ended) of each time that a case was open: stopped, cut or still open."""
    mine = events[(events["case_id"] == case) & (events["at"] <= until)].sort_values(["at", "seq"])
    begin = created
    for e in mine.itertuples():
        if begin is not None and e.kind in ("resolved", "closed"):
            yield begin, max(e.at, created), "stopped"
            begin = None
        elif begin is not None and e.kind == "merged":
            yield begin, max(e.at, created), "cut"
            begin = None
        elif begin is None and e.kind == "reopened":
            begin = max(e.at, created)
    if begin is not None:
        yield begin, until, "open"


def due_milestones(cases, events, dues, until):
    """Return (case, ended, due, status) of the resolution of each case by its due times."""
    out = []
    for c in cases.itertuples():
        found = settings_of(c.case_id, dues, events, until)
        spans = list(stretches(c.case_id, c.created_at, events, until))
        for number, (_, end, how) in enumerate(spans):
            held = in_force(found, end)
            if held is None and number == len(spans) - 1:
                held = next((f for f in found if f[0] > end), None)
            if held is None:
                continue
            due = held[1]
            if pd.notna(due) and (due < end or (how == "open" and due <= end)):
                status = "breached"
            elif pd.notna(due) and how != "cut":
                status = "met" if how == "stopped" else "running"
            else:
                status = "cancelled"
            out.append((c.case_id, end, due, status))
    return out


def first_overdue(case, created, events, dues, until):
    """Return the first instant at which an open case was past the due time in force, or None; looks at every change."""
    found = settings_of(case, dues, events, until)
    spans = list(stretches(case, created, events, until))
    marks = sorted({f[0] for f in found} | {f[1] for f in found if pd.notna(f[1])} | {created})
    for t in marks:
        t = max(t, created)
        held = in_force(found, t)
        if t > until or held is None or pd.isna(held[1]) or held[1] > t:
            continue
        if any(b <= t < e or (how == "open" and b <= t <= e) for b, e, how in spans):
            return t
    return None

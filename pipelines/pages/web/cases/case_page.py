"""One case: its clocks, its risk over past mornings and why, what happened, similar cases, and what to do."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from ....state.issued import select_breach_risks
from ....state.records import CASE_VERDICTS
from ....words.columns import column_label, format_cell
from ....words.words import format_instant, format_points, format_sla
from ..frame.forms import Form, read_form
from ..frame.line_chart import Line, LineChart, make_line_chart
from ..frame.view import PageRoute, PageView, View
from ..frame.writes import save, write_feedback, write_note
from .case_list import SITUATIONS, cases_source
from .case_past import describe_event, find_similar, read_events
from .case_records import CaseRecords, local_day, read_case
from .cases import case_path

router = APIRouter(route_class=PageRoute)
#: What is shown of a case beside its risk, as far as it is known.
_FACTS = (
    *("due_at", "left_wall_s", "left_business_s", "overdue_s", "median_finish", "finish_80", "priority", "team"),
    *("owner", "age_s", "first_flagged_at"),
)
MAX_SNOOZE_DAYS = 90
#: Answer -> what the button says.
VERDICT_LABELS = {
    "right": "The risk is right",
    "wrong": "The risk is wrong",
    "acted": "I acted on it",
    "known": "Known already",
}


@router.get("/cases/{case_id:path}", response_class=HTMLResponse)
def case(view: PageView, case_id: str) -> Response:
    """Show one case, as the last run and people knew it."""
    rows = find_case(view, case_id)
    records = read_case(view, case_id)
    if rows.empty and (view.user.team is not None or (records.risks.empty and not records.entries)):
        raise HTTPException(404, f"No open case is called {case_id}. It may be closed, or another team's.")
    return view.page(
        "case.html",
        case_id=case_id,
        path=case_path(case_id),
        slas=[describe_sla(view, dict(row)) for _, row in rows.iterrows()],
        clocks=read_clocks(view, case_id),
        reasons=read_reasons(view, case_id, rows),
        chart=draw_risks(view, records),
        events=[*_entries(view, records), *(describe_event(view, e) for e in read_events(view, case_id))],
        similar=find_similar(view, case_id),
        ticket=view.case_link(case_id),
        snoozed=records.snoozed_until,
        days={
            "first": local_day(view) + pd.Timedelta("1D"),
            "last": local_day(view) + pd.Timedelta(days=MAX_SNOOZE_DAYS),
        },
        verdicts=VERDICT_LABELS,
    )


def find_case(view: View, case_id: str) -> pd.DataFrame:
    """Return the rows of a case, one for each of its SLAs; none where it is not open or not the user's to see."""
    if not any(view.snapshot.has(table) for table in SITUATIONS):
        return pd.DataFrame()
    return view.snapshot.query(f"SELECT * FROM {cases_source(view.snapshot)} WHERE case_id = ?", [case_id])


def describe_sla(view: View, row: dict[Any, Any]) -> dict[str, Any]:
    """Return what a page says of a case and one of its SLAs."""
    zone, year = view.desk.timezone, view.year
    known = [c for c in _FACTS if not pd.isna(row[c]) and row[c] != ""]
    chance = row["probability"]
    return {
        "sla": format_sla(row["metric"]) if isinstance(row["metric"], str) else "SLA",
        "situation": row["situation"],
        "probability": None if pd.isna(chance) else float(chance),
        "level": "" if pd.isna(row["risk_level"]) else row["risk_level"],
        "work_first": bool(row["work_first"]) if not pd.isna(row["work_first"]) else False,
        "action": "" if pd.isna(row["action"]) else row["action"],
        "caution": "" if pd.isna(row["caution"]) else row["caution"],
        "facts": [(column_label("risk", c), format_cell("risk", c, row[c], timezone=zone, year=year)) for c in known],
    }


def read_clocks(view: View, case_id: str) -> list[dict[str, Any]]:
    """Return the clocks of a case: SLA, share of the time that is used, and in words what is left."""
    if not view.snapshot.has("case_clocks"):
        return []
    rows: Any = view.snapshot.query("SELECT * FROM {case_clocks} WHERE case_id = ? ORDER BY metric", [case_id])
    clocks = []
    for row in rows.itertuples():
        used = float(row.target_used)
        if math.isnan(used):
            continue
        over = used > 1
        left = format_cell("risk", "left_business_s", abs(float(row.left_business_s)))
        words = f"{used:.0%} of the time used, {left} {'over' if over else 'left'}{', paused' if row.paused else ''}"
        clocks.append({"sla": format_sla(row.metric), "used": used, "over": over, "words": words})
    return clocks


def read_reasons(view: View, case_id: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return why the risk is as it is: each reason with the points that the risk would differ without it.

    The model adds reasons up as log-odds; points are the risk less what it would be without the reason.
    """
    chances = rows["probability"].dropna() if "probability" in rows else pd.Series(dtype="float64")
    if view.snapshot.has("reasons") and len(chances):
        found = view.snapshot.query("SELECT * FROM {reasons} WHERE case_id = ? ORDER BY place", [case_id])
        parts = found["contribution"].to_numpy(dtype=float)
        points = find_points(float(chances.iloc[0]), parts)
        if len(found):
            return [
                {"reason": text, "raises": bool(p >= 0), "points": format_points(abs(p)), "share": min(abs(p), 1.0)}
                for text, p in zip(found["reason"], points, strict=True)
            ]
    names = ("reason_1", "reason_2", "reason_3")
    plain = [] if rows.empty else [rows.iloc[0][name] for name in names]
    return [{"reason": r, "raises": None, "points": "", "share": None} for r in plain if isinstance(r, str) and r]


def find_points(probability: float, contributions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the risk less what it would be without each contribution to its log-odds.

    >>> find_points(0.5, np.array([0.0, np.log(3.0)])).round(2).tolist()
    [0.0, 0.25]
    """
    p = min(max(probability, 1e-9), 1 - 1e-9)
    without: np.ndarray[Any, Any] = 1 / (1 + np.exp(-(np.log(p / (1 - p)) - contributions)))
    return p - without


def draw_risks(view: View, records: CaseRecords) -> LineChart | None:
    """Return the picture of the risk that was issued for a case each morning; none before the second morning."""
    risks = select_breach_risks(records.risks).dropna(subset=["probability"]).drop_duplicates("as_of", keep="last")
    if len(risks) < 2:
        return None
    when = risks["as_of"].dt.tz_convert(view.desk.timezone).dt.tz_localize(None)
    line = Line("Breach risk", risks["probability"].tolist())
    return make_line_chart("risks", "Breach risk on past mornings", when, [line], "probability", year=view.year)


def _entries(view: View, records: CaseRecords) -> list[tuple[str, str]]:
    zone, year = view.desk.timezone, view.year
    return [(format_instant(at.tz_convert(zone), year), f"{words} ({by})") for at, by, words in records.entries]


def check_case(view: View, case_id: str) -> None:
    """Refuse to write on a case that the user may not see, or that never was on a list.

    Raises
    ------
    HTTPException
        404.
    """
    if len(find_case(view, case_id)):
        return
    if view.user.team is not None or read_case(view, case_id).risks.empty:
        raise HTTPException(404, f"No open case is called {case_id}.")


@router.post("/cases/{case_id:path}/note")
def add_note(view: PageView, case_id: str, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Write a note on a case."""
    check_case(view, case_id)
    write_note(view, "case", case_id, form.text("text", "The note"))
    return view.redirect(case_path(case_id), "noted")


@router.post("/cases/{case_id:path}/feedback")
def add_feedback(view: PageView, case_id: str, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Say whether the risk of a case was right, wrong, acted on or known."""
    check_case(view, case_id)
    verdict = form.choice("verdict", "Your answer", CASE_VERDICTS)
    write_feedback(view, "case", case_id, verdict, form.get("note", "")[:2000])
    return view.redirect(case_path(case_id), "feedback")


@router.post("/cases/{case_id:path}/snooze")
def snooze(view: PageView, case_id: str, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Set a case aside until a day, or bring it back."""
    check_case(view, case_id)
    if form.get("wake"):
        save(view, "snooze", case_id, None)
        return view.redirect(case_path(case_id), "woken")
    day = form.day("until", "The day", local_day(view), MAX_SNOOZE_DAYS)
    save(view, "snooze", case_id, {"until": f"{day:%Y-%m-%d}"})
    return view.redirect(case_path(case_id), "snoozed")

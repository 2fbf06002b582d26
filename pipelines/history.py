"""The stages on KPI series: their history, and the shifts in it."""

from __future__ import annotations

import pandas as pd

from ..features.catalogue import CATALOGUE, availability
from ..features.errors import InputError
from ..features.kpis import kpi_history
from ..models.attribution import explain_change
from ..models.shifts import detect_shifts
from .opening import Project
from .stage import Stage
from .words import number, plural, say_kpi

#: Incidents of this many last days count as news.
NEWS_DAYS = 14


def history_stage(project: Project) -> Stage:
    """Compute the KPI history in total and by each configured segment.

    Returns
    -------
    Stage
        Table ``history``: the columns of :func:`deskcast.features.kpi_history`, one block for the total and one for
        each segment column, with the other segment columns missing.
    """
    spec, log = project.config.history, project.log
    kpis = list(spec.kpis) or None
    blocks = [kpi_history(log, kpis, (), spec.freq)]
    blocks += [kpi_history(log, kpis, (column,), spec.freq) for column in spec.by]
    frame = pd.concat(blocks, ignore_index=True)
    segments = [c for c in spec.by if c in frame.columns]
    frame = frame[["kpi", *segments, *[c for c in frame.columns if c not in ("kpi", *segments)]]]
    had = frame["kpi"].nunique()
    findings = [_span_sentence(frame), *_latest_sentences(blocks[0])]
    metrics = {"kpis": float(had), "rows": float(len(frame))}
    params = {"freq": spec.freq, "by": ",".join(spec.by) or "-"}
    return Stage("history", {"history": frame}, tuple(filter(None, findings)), params, metrics)


def _span_sentence(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "There is no complete period yet, so there is no history."
    first, last = frame["ds"].min(), frame["ds"].max()
    return f"{plural(frame['kpi'].nunique(), 'KPI')} from {first:%d %b %Y} to {last:%d %b %Y}."


def _latest_sentences(total: pd.DataFrame) -> list[str]:
    """Say the last four weeks against the four before, for the KPIs that people ask for first."""
    if total.empty:
        return []
    last = total["ds"].max()
    words = []
    for kpi in ("cases_opened", "cases_resolved", "backlog", "sla_attainment", "csat"):
        rows = total[(total["kpi"] == kpi) & (total["ds"] > last - pd.Timedelta(days=28))]
        if rows.empty or rows["value"].notna().sum() == 0:
            continue
        words.append(f"{CATALOGUE[kpi].title}, last four weeks: {_headline(kpi, rows)}.")
    return words


def _headline(kpi: str, rows: pd.DataFrame) -> str:
    unit = CATALOGUE[kpi].unit
    if kpi == "backlog":
        return f"{number(rows['value'].iloc[-1])} open at the end"
    if unit == "share":
        return f"{rows['numerator'].sum() / rows['n'].sum():.1%} of {number(rows['n'].sum())}"
    return number(rows["value"].sum())


def watch_stage(project: Project, history: pd.DataFrame) -> Stage:
    """Find the spikes and shifts of the KPI history, and what drove the latest of them.

    Parameters
    ----------
    history
        Table of :func:`history_stage`.
    """
    holidays = [(e.start, e.end) for e in project.config.events]
    shifts = detect_shifts(history, events=holidays)
    end = history["ds"].max() if len(history) else pd.NaT
    news = shifts[shifts["last_at"] > end - pd.Timedelta(days=NEWS_DAYS)] if len(shifts) else shifts
    drivers = _drivers(project, news, end)
    findings = [_shift_sentence(row, drivers) for row in news.sort_values("z", key=abs, ascending=False).itertuples()]
    if not findings:
        findings = [f"Nothing shifted in the last {NEWS_DAYS} days beyond what chance would do."]
    metrics = {"incidents": float(len(shifts)), "recent": float(len(news)), "series": float(_series_count(history))}
    return Stage("watch", {"shifts": shifts, "drivers": drivers}, tuple(findings[:10]), {}, metrics)

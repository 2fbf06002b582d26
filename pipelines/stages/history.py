"""The stage on KPI series: their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...features.calendars.periods import parse_period_frequency
from ...features.case_log.log import CaseLog
from ...features.kpis.catalogue import find_kpi
from ...features.kpis.first_period import find_cut_end
from ...features.kpis.kpi_history import find_unsplit_kpis, kpi_history
from ...features.kpis.view import Limits
from ..project.project import Project
from ..project.specs import HistorySpec
from ..stage import Stage
from ..words.words import format_count, format_kpi, format_list, format_number


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
    limits = history_limits(spec)
    blocks = [kpi_history(log, kpis, (), spec.freq, limits=limits)]
    whole: dict[str, list[str]] = {}
    for column in spec.by:
        unsplit = find_unsplit_kpis(log, kpis or [], (column,))
        for kpi in unsplit:
            whole.setdefault(kpi, []).append(column)
        split = None if kpis is None else [kpi for kpi in kpis if kpi not in unsplit]
        if split is None or split:
            blocks.append(kpi_history(log, split, (column,), spec.freq, limits=limits))
    frame = pd.concat(blocks, ignore_index=True)
    segments = [c for c in spec.by if c in frame.columns]
    frame = frame[["kpi", *segments, *[c for c in frame.columns if c not in ("kpi", *segments)]]]
    had = frame["kpi"].nunique()
    findings = [_span_sentence(frame), _cut_sentence(frame), open_period_sentence(log, spec.freq)]
    findings += [*_unsplit_sentences(whole), *_latest_sentences(blocks[0][~blocks[0]["cut"].astype(bool)])]
    metrics = {"kpis": float(had), "rows": float(len(frame))}
    params = {"freq": spec.freq, "by": ",".join(spec.by) or "-"}
    return Stage("history", {"history": frame}, tuple(filter(None, findings)), params, metrics)


def history_limits(spec: HistorySpec) -> Limits:
    """Return the limits that the configuration counts with.

    >>> history_limits(HistorySpec(repeat_s=3 * 86400.0)).repeat_days
    3.0
    """
    return Limits(
        repeat_days=spec.repeat_s / 86400,
        survey_days=spec.survey_s / 86400,
        deflection_hours=spec.deflection_s / 3600,
        calendar=spec.calendar,
    )


def _span_sentence(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "There is no complete period yet, so there is no history."
    first, last = frame["ds"].min(), frame["ds"].max()
    return f"{format_count(frame['kpi'].nunique(), 'KPI')} from {first:%d %b %Y} to {last:%d %b %Y}."


def open_period_sentence(log: CaseLog, freq: str) -> str:
    """Say which last period is left out because it is not over.

    >>> at = pd.date_range("2024-03-07 00:30", "2024-03-31 23:30", freq="h", tz="UTC")
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": range(len(at)), "created_at": at}))
    >>> open_period_sentence(log, "W")
    'Left out, as it is not over: the week of 25 Mar 2024, until 31 Mar 23:30 (168).'
    """
    if parse_period_frequency(freq).minutes is not None:
        return ""  # a day or less is soon followed by a whole one
    last = find_cut_end(log, freq)
    if last is None:
        return ""
    words = {"W": "week of", "MS": "month from", "QS": "quarter from", "6MS": "half-year from"}
    word = words[parse_period_frequency(freq).name]
    part = f"the {word} {last.ds:%d %b %Y}, until {last.ends:%d %b %H:%M} ({format_number(last.count)})"
    return f"Left out, as it is not over: {part}."


def _cut_sentence(frame: pd.DataFrame) -> str:
    """Say which first period is cut: its counts are too low, and nothing learns from it."""
    cut = frame[frame["cut"].astype(bool)]
    if cut.empty:
        return ""
    kpis = format_count(cut["kpi"].nunique(), "KPI")
    return (
        f"The period from {cut['ds'].min():%d %b %Y} is cut, since the log begins in the midst of it ({kpis}, marked "
        "'cut'): its counts are too low, and no forecast learns from it."
    )


def _unsplit_sentences(whole: Mapping[str, Sequence[str]]) -> list[str]:
    """Say of which KPIs only the total can be had, because no row tells the segment."""
    said = []
    for columns in dict.fromkeys(tuple(columns) for columns in whole.values()):
        kpis = [kpi for kpi, of in whole.items() if tuple(of) == columns]
        said.append(f"Only the total of {format_list(kpis)}: nothing tells their {format_list(list(columns))}.")
    return said


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
        words.append(f"{format_kpi(kpi)}, last four weeks: {_headline(kpi, rows)}.")
    return words


def _headline(kpi: str, rows: pd.DataFrame) -> str:
    entry = find_kpi(kpi)
    if entry and entry.measure == "stock":
        return f"{format_number(rows['value'].iloc[-1])} open at the end"
    if entry and entry.unit == "share":
        return f"{rows['numerator'].sum() / rows['n'].sum():.1%} of {format_number(rows['n'].sum())}"
    return format_number(rows["value"].sum())

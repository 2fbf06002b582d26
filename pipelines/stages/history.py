"""The stage on KPI series: their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...features.calendars.periods import parse_period_frequency
from ...features.case_log.log import CaseLog
from ...features.kpis.catalogue import find_kpi
from ...features.kpis.cut_periods import find_cut_end, find_cut_start, find_open_start
from ...features.kpis.kpi_history import find_unsplit_kpis, kpi_histories
from ...features.kpis.view import Limits
from ...features.kpis.volume_kpis import has_only_volumes
from ..project.project import Project
from ..project.specs import HistorySpec
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, figures_table, setting
from ..words.words import format_date, format_date_range, format_kpi, format_list
from .people import Pseudonyms, check_by_agent

#: The table of what the sentences say and no other table holds.
FIGURES = "history_figures"
#: More names than this make a sentence too long.
MAX_KPIS_NAMED = 3
#: What the sentences on the last 4 weeks count, where the KPI is a share.
_SHARES_OF = {"sla_attainment": "SLA target", "csat": "survey answer", "abandonment_rate": "contact"}


def history_stage(project: Project) -> Stage:
    """Compute the KPI history in total and by each configured segment.

    Returns
    -------
    Stage
        Table ``history``: the columns of :func:`deskcast.features.kpi_history`, one block for the total and one for
        each segment column, with the other segment columns missing; and ``history_figures``, what the sentences state
        beyond it.
    """
    spec, log = project.config.history, project.log
    kpis = list(spec.kpis) or None
    by_agent = check_by_agent(project, spec.by)
    # a day or less is soon followed by a whole one
    more: dict[str, Any] = {"limits": history_limits(spec)}
    more["open_period"] = parse_period_frequency(spec.freq).minutes is None
    splits: list[tuple[list[str] | None, tuple[str, ...]]] = [(kpis, ())]
    whole: dict[str, list[str]] = {}
    for column in spec.by:
        unsplit = find_unsplit_kpis(log, kpis or [], (column,))
        for kpi in unsplit:
            whole.setdefault(kpi, []).append(column)
        split = None if kpis is None else [kpi for kpi in kpis if kpi not in unsplit]
        if split is None or split:
            splits.append((split, (column,)))
    frame = pd.concat(kpi_histories(log, splits, spec.freq, **more), ignore_index=True)
    if by_agent:
        frame = Pseudonyms(project).hide_agents(frame)
    segments = [c for c in spec.by if c in frame.columns]
    frame = frame[["kpi", *segments, *[c for c in frame.columns if c not in ("kpi", *segments)]]]
    had = frame["kpi"].nunique()
    findings: list[str] = [*_latest_sentences(frame, segments, spec.freq, log.has("cases"))]
    findings += [_span_sentence(frame, find_open_start(log, spec.freq)), _cut_sentence(frame, log, spec.freq)]
    findings += [open_period_sentence(log, spec.freq), same_figure_sentence(log, kpis), *_unsplit_sentences(whole)]
    metrics = {"kpis": float(had), "rows": float(len(frame))}
    params = {"freq": spec.freq, "by": ",".join(spec.by) or "-"}
    findings = [said for said in findings if said]
    return Stage("history", {"history": frame} | figures_table(FIGURES, findings), tuple(findings), params, metrics)


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


def _span_sentence(frame: pd.DataFrame, now: pd.Timestamp | None) -> Finding:
    """Report how many KPIs there are, and from when to when; a KPI of several parts counts once."""
    over = frame if now is None else frame[frame["ds"] < now]
    if over.empty:
        return Finding("No history yet: no period is complete.")
    span = f"from {format_date_range(over['ds'].min(), over['ds'].max())}"
    series = Fact.at(Cell("history", "kpi", take="distinct"), {"history": frame}, "series of KPIs", "history")
    names = [entry.name if (entry := find_kpi(kpi)) else kpi for kpi in frame["kpi"].unique()]
    entries = dict.fromkeys(names)
    if len(entries) == series.value:
        return Finding(f"{series:KPI} {span}.", series, audience="planner")
    count = figure(FIGURES, "KPIs", "history", len(entries))
    parts = format_list([format_kpi(name) for name in entries if names.count(name) > 1])
    return Finding(f"{count:KPI} {span} ({series} with the parts of {parts}).", count, series, audience="planner")


def open_period_sentence(log: CaseLog, freq: str) -> Finding:
    """Report the last period where it is incomplete because it is not over.

    >>> at = pd.date_range("2024-03-07 00:30", "2024-03-31 23:30", freq="h", tz="UTC")
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": range(len(at)), "created_at": at}))
    >>> open_period_sentence(log, "W")
    'The week of Mon 25 Mar 2024 is incomplete, as it is not over: 168 cases or contacts so far.'
    """
    if parse_period_frequency(freq).minutes is not None:
        return Finding("")  # a day or less is soon followed by a whole one
    last = find_cut_end(log, freq)
    if last is None:
        return Finding("")
    words = {"W": "week of", "MS": "month from", "QS": "quarter from", "6MS": "half-year from"}
    word = words[parse_period_frequency(freq).name]
    came = figure(FIGURES, "arrivals so far", f"{last.ds:%d %b %Y}", last.count)
    part = f"The {word} {format_date(last.ds)} is incomplete, as it is not over"
    return Finding(f"{part}: {came} cases or contacts so far.", came, audience="planner")


def _cut_sentence(frame: pd.DataFrame, log: CaseLog, freq: str) -> Finding:
    """Report the first period where it is incomplete: its counts are too low, and no forecast uses it."""
    if frame.empty:
        return Finding("")
    begun = {kpi: find_cut_start(log, freq, kpi) for kpi in frame["kpi"].unique()}
    starts = {kpi: cut.ds for kpi, cut in begun.items() if cut is not None}
    if (whole := find_cut_start(log, freq)) is not None:
        starts |= dict.fromkeys(frame.loc[frame["ds"] == whole.ds, "kpi"], whole.ds)
    first = frame["ds"].min()
    cut = [kpi for kpi, ds in starts.items() if ds == first]
    if not cut:
        return Finding("")
    kpis = figure(FIGURES, "cut series of KPIs", f"{first:%d %b %Y}", len(cut))
    return Finding(
        f"The period from {format_date(first)} is incomplete, because the log begins in it. "
        f"Its counts are too low in {kpis:KPI}, and no forecast uses them.",
        kpis,
        audience="planner",
    )


def same_figure_sentence(log: CaseLog, kpis: Sequence[str] | None) -> Finding:
    """Report why a log of counts shows one KPI fewer than is available: its volume is one figure with two names.

    >>> counts = pd.DataFrame({"unique_id": ["a"], "ds": ["2024-03-01T09:00Z"], "slot_s": 1800.0, "y": 5.0})
    >>> same_figure_sentence(CaseLog.from_frames(volumes=counts), None)
    'Contacts offered and cases opened are one figure here, and are shown once.'
    """
    if kpis is not None or log.has("cases") or not has_only_volumes(log):
        return Finding("")
    return Finding("Contacts offered and cases opened are one figure here, and are shown once.", audience="planner")


def _unsplit_sentences(whole: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Report the KPIs that have a total only, because no row has the segment."""
    said = []
    for columns in dict.fromkeys(tuple(columns) for columns in whole.values()):
        kpis = [format_kpi(kpi) for kpi, of in whole.items() if tuple(of) == columns]
        shown = kpis if len(kpis) <= MAX_KPIS_NAMED else [*kpis[:MAX_KPIS_NAMED], "more"]
        text = f"Only in total, as the data has no {format_list(list(columns), 'or')} for them: {format_list(shown)}."
        said.append(Finding(text.replace("_", " "), audience="analyst", names=kpis))
    return said


def _latest_sentences(frame: pd.DataFrame, segments: Sequence[str], freq: str, has_cases: bool = True) -> list[Finding]:
    """Report the last 4 weeks of the KPIs that people ask for first; incomplete periods do not count.

    Where the history is shorter, or its periods are longer than weeks, the first day that counts is named. A log
    without cases has contacts, or counts of what arrives.
    """
    total = frame[frame[list(segments)].isna().all(axis=1) & ~frame["cut"].astype(bool)]
    if total.empty:
        return []
    last = total["ds"].max()
    following = last + pd.tseries.frequencies.to_offset(parse_period_frequency(freq).pandas_name)
    weeks = following - last <= pd.Timedelta(days=7) and following - total["ds"].min() >= pd.Timedelta(days=28)
    first = total.loc[total["ds"] > last - pd.Timedelta(days=28), "ds"].min()
    length = setting("weeks of the last values", 4)
    when = f"Last {length:week}" if weeks else f"Since {format_date(first)}"
    said: list[Finding] = []
    flow = ("cases_opened", "cases_resolved", "backlog")
    if not has_cases and "cases_opened" not in set(total["kpi"]):
        flow = ("contacts_offered", "abandonment_rate", "backlog")
    for kpis in (flow, ("sla_attainment", "csat")):
        parts, facts = [], [length] * weeks
        for kpi in kpis:
            rows = total[(total["kpi"] == kpi) & (total["ds"] > last - pd.Timedelta(days=28))]
            if rows["value"].notna().sum() == 0:
                said += _unripe_sentence(frame, kpi)
                continue
            span = (rows["ds"].min(), rows["ds"].max())
            keys: dict[str, Any] = {"kpi": kpi, "cut": False, "ds": span, **dict.fromkeys(segments)}
            text, more = _headline(kpi, keys, {"history": frame}, has_cases)
            parts.append(text)
            facts += more
        said += [Finding(f"{when}: {', '.join(parts)}.", *facts, audience="everyone")] if parts else []
    return said


def _unripe_sentence(frame: pd.DataFrame, kpi: str) -> list[Finding]:
    """Report that a rate has periods, but none in which its outcome is known yet."""
    rows = frame[frame["kpi"] == kpi]
    if not len(rows) or not (rows["cut"].astype(bool) & rows["value"].notna()).any():
        return []
    why = "the log is shorter than the longest target"
    if kpi == "csat":
        why = "surveys have not had their usual time to be answered"
    return [Finding(f"{format_kpi(kpi)}: unknown yet, because {why}.")]


def _headline(
    kpi: str, keys: dict[str, Any], tables: Mapping[str, pd.DataFrame], has_cases: bool
) -> tuple[str, list[Fact]]:
    entry = find_kpi(kpi)
    unit = entry.unit if entry else ""
    if entry and entry.measure == "stock":
        end = Fact.at(Cell("history", "value", keys, "last"), tables, "kpi", kpi)
        return f"{end} open at the end", [end]
    if unit == "share":
        rate = Fact.at(Cell("history", "value", keys, "mean", weight="n"), tables, "kpi", kpi, unit)
        count = Fact.at(Cell("history", "n", keys, "sum"), tables, "sample size", kpi)
        return f"{format_kpi(kpi)} {rate} of {count:{_SHARES_OF[kpi]}}", [rate, count]
    whole = Fact.at(Cell("history", "value", keys, "sum"), tables, "kpi", kpi)
    if kpi == "cases_opened" and not has_cases:
        return f"{whole:arrival}", [whole]
    noun, verb = kpi.split("_")
    return f"{whole:{noun.removesuffix('s')}} {verb}", [whole]

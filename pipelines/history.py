"""The stages on KPI series: their history, and the shifts in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from ..features.catalogue import availability
from ..features.definitions import unit_of
from ..features.desk import Limits
from ..features.errors import InputError
from ..features.kpis import kpi_history
from ..forecasting.effects import event_spans, holiday_names
from ..models.attribution import DRIVERS, drivers
from ..models.shifts import detect_shifts
from .opening import Project
from .specs import HistorySpec
from .stage import Stage
from .words import number, plural, say_kpi, say_value

#: Incidents of this many last days count as news.
NEWS_DAYS = 14
#: KPIs that are watched where the configuration names none: the ones that a manager would act on.
WATCHED = (
    *("cases_opened", "contacts_offered", "backlog", "sla_attainment", "service_level", "abandonment_rate"),
    *("csat", "reopen_rate", "repeat_contact_rate", "transfer_rate", "escalation_rate", "handle_time"),
)
#: So many of the strongest incidents are explained by their segments.
EXPLAINED = 5


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
    blocks += [kpi_history(log, kpis, (column,), spec.freq, limits=limits) for column in spec.by]
    frame = pd.concat(blocks, ignore_index=True)
    segments = [c for c in spec.by if c in frame.columns]
    frame = frame[["kpi", *segments, *[c for c in frame.columns if c not in ("kpi", *segments)]]]
    had = frame["kpi"].nunique()
    findings = [_span_sentence(frame), *_latest_sentences(blocks[0])]
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


def watched_history(project: Project) -> pd.DataFrame:
    """Compute the history of no more KPIs than are watched: an answer to ``deskcast watch`` need not know the rest."""
    can = availability(project.log).set_index("kpi")
    wanted = project.config.watch.kpis or [k for k in WATCHED if can.loc[k, "available"] and can.loc[k, "computed"]]
    spec = replace(project.config.history, kpis=tuple(wanted))
    return history_stage(replace(project, config=replace(project.config, history=spec))).tables["history"]


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
        words.append(f"{say_kpi(kpi)}, last four weeks: {_headline(kpi, rows)}.")
    return words


def _headline(kpi: str, rows: pd.DataFrame) -> str:
    unit = unit_of(kpi)
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
    if history.empty:
        return Stage("watch", skipped="There is no history to watch.")
    spec = project.config.watch
    watched = history[history["kpi"].isin(spec.kpis or WATCHED)]
    if watched.empty:
        return Stage("watch", skipped="The history holds none of the KPIs that are watched.")
    table = detect_shifts(
        _one_segment_column(watched, project.config.history.by),
        alarms_per_week=spec.alarms_per_week,
        holidays=_known_days(project, history),
    )
    end = history["ds"].max()
    news = table[table["last_at"] > end - pd.Timedelta(days=NEWS_DAYS)]
    news = news.loc[news["z"].abs().sort_values(ascending=False, kind="stable").index]
    why, words = _why(project, news)
    shifts = table.assign(drivers=[words.get(i, "") for i in table.index])
    findings = [_shift_sentence(row, words.get(row.Index, "")) for row in news.head(10).itertuples()]
    if not findings:
        findings = [f"Nothing shifted in the last {NEWS_DAYS} days beyond what chance would do."]
    metrics = {"incidents": float(len(shifts)), "recent": float(len(news))}
    return Stage("watch", {"shifts": shifts, "drivers": why}, tuple(findings), {"news_days": NEWS_DAYS}, metrics)


def _one_segment_column(history: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Name the segment of each row in one column, such as ``channel phone``, so that all series are judged together."""
    segment = pd.Series("all", index=history.index, dtype="str")
    for column in by:
        if column in history:
            segment = segment.where(history[column].isna(), column + " " + history[column].astype("str"))
    measures = [c for c in history.columns if c not in ("kpi", *by)]
    return pd.concat([history[["kpi"]], segment.rename("segment"), history[measures]], axis=1)


def _known_days(project: Project, history: pd.DataFrame) -> dict[pd.Timestamp, str]:
    """Return the days of configured events, and the holidays of any team: they explain, and raise no alarm."""
    spans = event_spans(project.config.events)
    events = {day: name for name, first, last in spans for day in pd.date_range(first, last, unit="us")}
    span = history["ds"].agg(["min", "max"]).to_numpy().astype("datetime64[D]")
    given = [project.config.forecast.holidays, *(c.holidays for c in project.config.calendars.values())]
    named = {day: name for one in given for day, name in holiday_names(one, span).items()}
    return {pd.Timestamp(day): name for day, name in named.items()} | events


def _why(project: Project, news: pd.DataFrame) -> tuple[pd.DataFrame, dict[Any, str]]:
    """Rank the drivers of the strongest incidents."""
    tables: list[pd.DataFrame] = []
    words: dict[Any, str] = {}
    by = list(project.config.history.by)
    daily = project.config.history.freq == "D"
    for row in news.head(EXPLAINED if by and daily else 0).itertuples():
        inside, value = _segment_of(str(row.series), by)
        incident = {"kpi": row.kpi, "series": value, "direction": row.direction}
        incident |= {"started_at": row.started_at, "last_at": row.last_at}
        try:
            parts = drivers(project.log, incident, by, segments=inside)
        except InputError:
            continue  # this KPI cannot be split by these columns, so no segment can be named
        words[row.Index] = parts.attrs["words"]
        tables.append(parts.assign(series=str(row.series)))
    found = pd.concat([t for t in tables if len(t)] or [pd.DataFrame(columns=[*DRIVERS])], ignore_index=True)
    numbers = ("before", "after", "contribution")
    return found.astype({c: "float64" if c in numbers else "str" for c in DRIVERS}), words


def _segment_of(series: str, by: list[str]) -> tuple[tuple[str, ...], str]:
    """Take the name of a series apart again: the column of its segment, whose name may hold spaces, and the value."""
    column = max((c for c in by if series.startswith(f"{c} ")), key=len, default="")
    return ((column,), series.removeprefix(f"{column} ")) if column else ((), "all")


def _shift_sentence(row: Any, words: str) -> str:
    unit = unit_of(row.kpi)
    moved = {"up": "rose", "down": "fell"}[row.direction]
    where = "" if row.series == "all" else f" ({row.series})"
    since = f"on {row.started_at:%a %d %b}" if row.kind == "spike" else f"since {row.started_at:%a %d %b}"
    cause = f" Driven by {words}." if words and "spread evenly" not in words else ""
    state = " It is over." if row.resolved else ""
    return (
        f"{say_kpi(row.kpi)}{where} {moved} {since}: {say_value(row.after, unit)} where "
        f"{say_value(row.before, unit)} was expected.{cause}{state}"
    )

"""The stage that watches: incidents with their causes, pairs of KPIs, and goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ...features.errors import InputError
from ...features.kpis.availability import availability
from ...features.kpis.kpi_history import kpi_history
from ...features.kpis.volume_kpis import has_only_volumes
from ...forecasting.grid.known_days import event_spans, holiday_names
from ...models.series.kpi_kinds import select_known_columns
from ...models.shifts.detect import detect_watched_shifts, watch_history
from ...models.shifts.gaming import guard_watched
from ...models.shifts.grouping import detection_strength
from ...models.shifts.ledger import (
    KnownSpan,
    Subject,
    alert_ids,
    build_alerts,
    continued_ids,
    find_lead,
)
from ...models.shifts.watched import WatchedKpi, expected_range
from ..project.project import Project
from ..stage import Stage
from ..store.incidents import NEWS_DAYS, AlertState, read_alert_state, save_alerts, update_alert_ledger
from ..words.facts import Finding
from ..words.figures import figure, figures_table, setting
from ..words.incidents import (
    FIGURES,
    alert_sentence,
    counter_metric_sentence,
    explained_sentences,
    find_advice,
    goal_sentences,
)
from .forecast_target import find_counted_noun
from .goals import goals_table
from .history import history_limits, history_stage
from .watch_advice import advise
from .watch_causes import STATE_RANKS, add_causes
from .watch_drivers import (
    ChangeExplanation,
    Explainer,
    build_explainer,
    drivers_table,
    parse_combination,
)
from .watch_groups import group_into_alerts
from .watch_segments import Refined, Worth, accompanying_kpis, add_volume_of_waiting, refine_segments

#: KPIs that are watched where the configuration names none: the ones that a manager would act on.
DEFAULT_WATCHED_KPIS = (
    *("cases_opened", "contacts_offered", "backlog", "sla_attainment", "service_level", "abandonment_rate"),
    *("csat", "reopen_rate", "repeat_contact_rate", "transfer_rate", "escalation_rate", "handle_time"),
    *("first_response_time", "resolution_time"),
)
#: What moved in so many last days is explained; so many at most, the strongest first.
EXPLAINED_DAYS, MAX_DETECTIONS_EXPLAINED = 28, 24
#: So many incidents are told in words; the table has them all.
MAX_ALERTS_REPORTED = 8
#: Series that have pictures, and the days that they show.
MAX_ALERTS_PLOTTED, PLOTTED_DAYS = 6, 120
#: Days for which a holiday explains what began with it, and of which KPIs: what waited is worked off late. That fewer
#: cases than usual come on the day after is never its doing.
HOLIDAY_EFFECT_DAYS, HOLIDAY_KPIS = 7.0, ("sla_attainment", "backlog", "resolution_time", "first_response_time")
_NEWS_ORDER = ("opened", "updated", "usual", "resolved", "cancelled", "")
#: Days for which an alert that has become usual is reported: it is not over.
USUAL_DAYS = 28


def watched_history(project: Project) -> pd.DataFrame:
    """Compute the history of no more KPIs than are watched: an answer to ``deskcast watch`` need not know the rest."""
    can = availability(project.log).set_index("kpi")
    had = [k for k in DEFAULT_WATCHED_KPIS if can.loc[k, "available"] and can.loc[k, "computed"]]
    if has_only_volumes(project.log) and not project.log.has("cases"):
        had = [k for k in had if k != "contacts_offered"]  # the same figures as cases_opened
    wanted = [*(project.config.watch.kpis or had), *(goal.kpi for goal in project.config.goals)]
    spec = replace(project.config.history, kpis=tuple(dict.fromkeys(wanted)))
    return history_stage(replace(project, config=replace(project.config, history=spec))).tables["history"]


def watch_stage(project: Project, history: pd.DataFrame, state: AlertState | None = None) -> Stage:
    """Find what shifted, what drove it, which pairs of KPIs moved together, and where the goals stand.

    Parameters
    ----------
    history
        Table of :func:`history_stage`.
    state
        What is remembered of earlier runs; read from beside the results by default. Nothing is written here: see
        :func:`save_watch_stage`.

    Returns
    -------
    Stage
        Tables ``kpi_alerts`` (what is new first), ``detections`` (the single alarms, with the incident of each),
        ``drivers``, ``expected_ranges`` (value and what was expected, for the pictures), ``counter_metrics``,
        ``goals``, ``advice`` (what to try) and ``watch_figures`` (what the sentences state beyond these).
    """
    if history.empty:
        return Stage("watch", skipped="No history to watch.")
    spec, end = project.config.watch, pd.Timestamp(history["ds"].max())
    by = spec.by or project.config.history.by
    watched = _watched(project, history, by)
    if watched.empty:
        return Stage("watch", skipped="The history has none of the watched KPIs.")
    days = _known_days(project, history)
    parts = watch_history(watched, holidays=days)
    alarms = detect_watched_shifts(
        parts, false_alerts_per_week=spec.false_alerts_per_week, min_volume=spec.min_volume, min_effect=spec.min_effect
    )
    named = tuple(alarms.attrs["explained"])
    alarms.attrs = {}  # pandas copies them at every step
    state = read_alert_state(project.config.state_place) if state is None else state
    now = local_log_end(project)
    if state.has_later_run(now):
        state = replace(state, ledger=None, alarms={})
    daily = by if project.config.history.freq == "D" else ()
    moved, ask = _explain_detections(project, alarms, daily, end)
    refined = refine_segments(alarms, moved, ask, state.alarms, days, parts)
    worth = Worth(tuple(part.kpi for part in parts), spec.min_volume, spec.min_effect)
    refined = add_volume_of_waiting(refined, ask, worth, days, parts)
    shifts, current = _identify_alerts(refined, state, _spans(project, history), by, parts, spec)
    current, shifts = add_causes(project.log, current, shifts, daily, [*parts, *refined.parts])
    shifts["alert_id"] = shifts["alert_id"].replace(continued_ids(state.ledger, current))  # one id in all tables
    incidents = sort_alerts(update_alert_ledger(state, current, now))
    pairs = guard_watched(parts, false_alerts_per_week=spec.false_alerts_per_week)
    goals = goals_table(project, history)
    recent = incidents[_is_recent(incidents, end)]
    advice = advise(project.config, incidents)
    tables = {"kpi_alerts": incidents, "detections": shifts, "drivers": drivers_table(refined.moved)}
    tables |= {"expected_ranges": _bands([*parts, *refined.parts], recent, end)}
    tables |= {
        name: frame for name, frame in (("counter_metrics", pairs), ("goals", goals), ("advice", advice)) if len(frame)
    }
    news_pairs = pairs[pairs["last_at"] > end - pd.Timedelta(days=NEWS_DAYS)]
    told = _alerts_to_report(recent).head(MAX_ALERTS_REPORTED)
    freq, noun = project.config.history.freq, find_counted_noun(project, "cases_opened")
    findings: list[str] = [
        *[alert_sentence(row, now, freq, noun, find_advice(advice, row.alert_id)) for row in told.itertuples()],
        *[counter_metric_sentence(row) for row in news_pairs.head(3).itertuples()],
    ]
    if not findings:
        days_back = setting("days of news", NEWS_DAYS)
        findings = [Finding(f"No unusual KPI changes in the last {days_back:day}.", days_back)]
    findings += [*_rest(recent), *explained_sentences(named, end, NEWS_DAYS), *goal_sentences(goals)]
    tables |= figures_table(FIGURES, findings)
    metrics = {
        "kpi_alerts": float(len(incidents)),
        "recent": float(len(recent)),
        "open": float(incidents["state"].isin(["new", "continuing"]).sum()),
        "alerts_with_news": float((incidents["news"] != "").sum()),
        "detections": float(len(shifts)),
    }
    return Stage("watch", tables, tuple(findings), {"news_days": NEWS_DAYS, "as_of": str(now)}, metrics)


def save_watch_stage(project: Project, stage: Stage) -> bool:
    """Remember what a stage has told, once it is told; False where a run on a longer log is remembered already."""
    if stage.skipped or stage.tables_made_at:
        return True
    incidents, shifts = stage.tables["kpi_alerts"], stage.tables["detections"]
    return save_alerts(project.config.state_place, incidents, shifts, local_log_end(project))


def local_log_end(project: Project) -> pd.Timestamp:
    """Return the end of the log on the desk's own clock."""
    return pd.Timestamp(project.log.until).tz_convert(project.log.timezone).tz_localize(None)


def sort_alerts(ledger: pd.DataFrame) -> pd.DataFrame:
    """Put what is new on top, then what is open and nobody has seen, then the rest, each the latest first."""
    news = ledger["news"].map({word: place for place, word in enumerate(_NEWS_ORDER)}).astype("float64")
    quiet = (ledger["acknowledged_by"] != "") | ledger["silenced_until"].notna()
    state = ledger["state"].map(STATE_RANKS).astype("float64").fillna(3) + 0.5 * quiet
    order = pd.DataFrame({"news": news, "state": state, "late": -ledger["last_at"].astype("int64")})
    places = order.assign(id=ledger["alert_id"]).sort_values(["news", "state", "late", "id"], kind="stable").index
    return ledger.loc[places].reset_index(drop=True)


def _watched(project: Project, history: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the KPIs that are watched with the name of each series, and segments that the history lacks."""
    names = project.config.watch.kpis or DEFAULT_WATCHED_KPIS
    rows, taken = select_known_columns(history[history["kpi"].isin(names) & ~history["cut"].astype(bool)])
    columns = taken["segments"]
    unwanted = [c for c in columns if c not in by]
    if unwanted:
        rows = rows[rows[unwanted].isna().all(axis=1)].drop(columns=unwanted)
    more = [c for c in by if c not in columns]
    had = sorted(set(rows["kpi"]))
    blocks = [rows]
    for column in more if had else ():
        if not project.log.has("cases", column):
            hint = "name a column of the cases"
            raise InputError(
                "unknown column", where="[watch]", column="by", got=column, hint=hint, code="column.unknown"
            )
        spec = project.config.history
        block = kpi_history(project.log, had, (column,), spec.freq, limits=history_limits(spec))
        block = block[block["kpi"].isin(had) & ~block["cut"].astype(bool)]
        blocks.append(block)  # promises come with one KPI for each metric
    found = one_segment_column(pd.concat(blocks, ignore_index=True) if more else rows, tuple(by))
    return found[~found["segment"].str.endswith(" (missing)")]  # nobody's segment: calls without a case, say


def one_segment_column(history: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Name the segment of each row in one column, such as ``channel phone``, so that all series are judged together."""
    segment = pd.Series("all", index=history.index, dtype="str")
    for column in by:
        if column in history:
            segment = segment.where(history[column].isna(), column + " " + history[column].astype("str"))
    measures = [c for c in history.columns if c not in ("kpi", *by)]
    return pd.concat([history[["kpi"]], segment.rename("segment"), history[measures]], axis=1)


def _known_days(project: Project, history: pd.DataFrame, events: bool = True) -> dict[pd.Timestamp, str]:
    """Return the days of configured events, and the holidays of any team: they explain, and raise no alarm."""
    spans = event_spans(project.config.events) if events else ()
    special = {day: name for name, first, last in spans for day in pd.date_range(first, last, unit="us")}
    span = history["ds"].agg(["min", "max"]).to_numpy().astype("datetime64[D]")
    given = [project.config.forecast.holidays, *(c.holidays for c in project.config.calendars.values())]
    named = {day: name for one in given for day, name in holiday_names(one, span).items()}
    return {pd.Timestamp(day): name for day, name in named.items()} | special


def _spans(project: Project, history: pd.DataFrame) -> list[KnownSpan]:
    """Return what explains an incident that begins with it or on the day after.

    A configured event does, and a holiday for a week: what waited is worked off, and no longer.
    """
    days = _known_days(project, history, events=False)
    off = [KnownSpan(name, day, day, HOLIDAY_KPIS, effect_days=HOLIDAY_EFFECT_DAYS) for day, name in days.items()]
    events = event_spans(project.config.events)
    return [*(KnownSpan(name, pd.Timestamp(first), pd.Timestamp(last)) for name, first, last in events), *off]


def _explain_detections(
    project: Project, alarms: pd.DataFrame, by: Sequence[str], end: pd.Timestamp
) -> tuple[dict[Any, ChangeExplanation], Explainer | None]:
    """Say of each recent alarm which segment moved, the strongest alarm first."""
    recent = alarms[alarms["last_at"] > end - pd.Timedelta(days=EXPLAINED_DAYS)]
    strongest = detection_strength(recent).sort_values(ascending=False, kind="stable").index
    recent = recent.loc[strongest].head(MAX_DETECTIONS_EXPLAINED)
    columns = [c for c in by if project.log.has("cases", c)]
    if recent.empty or not columns:
        return {}, None
    ask = build_explainer(project.log, columns, recent["started_at"].min(), history_limits(project.config.history))
    return {row.Index: ask.why(row) for row in recent.itertuples()}, ask


def _identify_alerts(
    refined: Refined,
    state: AlertState,
    spans: list[KnownSpan],
    by: Sequence[str],
    parts: Sequence[WatchedKpi],
    spec: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the detections with the id of their alert, and the alerts; what had an id keeps it and its subject."""
    alarms, moved = refined.detections, refined.moved
    subjects = _subjects(state)
    groups, kept = group_into_alerts(alarms, moved, state.alarms, by, subjects)
    told = {group: subjects[name] for group, name in kept.items()}
    leads = {group: find_lead(part, told.get(int(str(group)))) for group, part in alarms.groupby(groups, sort=True)}
    shifted = {
        row.name: group for group, row in leads.items() if row["kind"] == "level_shift" and row["series"] != "all"
    }
    more, owners = accompanying_kpis(alarms, shifted, parts, spec.min_volume, spec.min_effect)
    if len(more):
        places = range(int(alarms.index.max()) + 1, int(alarms.index.max()) + 1 + len(more))
        told |= {g: (str(r["kpi"]), str(r["series"]), str(r["direction"])) for g, r in leads.items() if g not in told}
        groups = pd.concat([groups, pd.Series([shifted[at] for at in owners], index=places, dtype="int64")])
        alarms = pd.concat([alarms, more.set_axis(places)])
    ids = alert_ids(alarms, groups, told)
    current = build_alerts(alarms, spans, groups, told)
    renamed = {new: kept[group] for group, new in zip(groups, ids, strict=True) if group in kept}
    words: dict[str, str] = {}
    for group, lead in leads.items():  # why of the member that is shown comes first, and of no other KPI
        same = groups.index[
            (groups == group) & (alarms["kpi"] == lead["kpi"]) & (alarms["direction"] == lead["direction"])
        ]
        why = [moved[at] for at in dict.fromkeys([lead.name, *same]) if at in moved and moved[at].words]
        shown = parse_combination(str(lead["series"]), by)
        said = (one.words for one in why if _narrows(one.segment, shown))
        words[str(ids.at[lead.name])] = next(said, "")
    current["drivers"] = [words.get(name, "") for name in current["alert_id"]]
    current["alert_id"] = current["alert_id"].replace(renamed)
    own = [moved[at].words if at in moved else "" for at in alarms.index]
    shifts = alarms.assign(drivers=own, alert_id=ids.replace(renamed))
    order = ["detected_at", "z", "kpi", "series"]
    return shifts.sort_values(order, ascending=[False, False, True, True], ignore_index=True), current


def _narrows(segment: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Tell whether a segment is a part of the one that the headline names: nothing drives itself or what lies apart."""
    return not segment.items() <= own.items() and all(
        own.get(column, value) == value for column, value in segment.items()
    )


def _subjects(state: AlertState) -> dict[str, Subject]:
    """Return what each alert that is remembered is about."""
    rows = [] if state.ledger is None else list(state.ledger.itertuples())
    return {str(row.alert_id): (str(row.kpi), str(row.series), str(row.direction)) for row in rows}


def _is_recent(incidents: pd.DataFrame, end: pd.Timestamp) -> pd.Series:
    """Tell which alerts are reported: what is news, what goes on, and what ended lately."""
    lately = incidents["last_at"] > end - pd.Timedelta(days=NEWS_DAYS)
    usual = (incidents["state"] == "become usual") & (incidents["last_at"] > end - pd.Timedelta(days=USUAL_DAYS))
    return lately | usual | (incidents["news"] != "") | incidents["state"].isin(["new", "continuing"])


def _bands(parts: Sequence[WatchedKpi], told: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Return value and expected band of the series that are drawn: those of the incidents that are told first."""
    since = end - pd.Timedelta(days=PLOTTED_DAYS)
    by_series = {(part.kpi, name): part for part in parts for name in part.panel.names}
    frames = []
    for row in _alerts_to_report(told).head(MAX_ALERTS_PLOTTED).itertuples():
        part = by_series.get((str(row.kpi), str(row.series)))
        if part is not None:
            frame = expected_range(part, str(row.series))
            frames.append(frame[frame["ds"] > since].assign(alert_id=str(row.alert_id)))
    columns = ["alert_id", "kpi", "series", "ds", "value", "expected", "lower", "upper"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _alerts_to_report(recent: pd.DataFrame) -> pd.DataFrame:
    """Leave out what somebody has seen or silenced, unless it is news, and what is explained."""
    seen = (recent["acknowledged_by"] != "") | recent["silenced_until"].notna()
    return recent[(recent["news"] != "") | (~seen & (recent["state"] != "explained"))]


def _rest(recent: pd.DataFrame) -> list[Finding]:
    """Say what is not told in words."""
    told = _alerts_to_report(recent)
    quiet = len(recent) - len(told) - int((recent["state"] == "explained").sum())
    said = []
    if len(told) > MAX_ALERTS_REPORTED:
        more = figure(FIGURES, "more alerts", "recent", len(told) - MAX_ALERTS_REPORTED)
        days = setting("days of news", NEWS_DAYS)
        said.append(Finding(f"{more:more KPI alert} in the last {days:day}: see the table.", more, days))
    if quiet > 0:
        seen = figure(FIGURES, "alerts without news", "recent", quiet)
        said.append(Finding(f"{seen:KPI alert} acknowledged or silenced, without news.", seen))
    return said

"""The stage on volumes: the forecast of what comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...features.readers.read import read_raw
from ...forecasting.methods.registry import NAIVE_METHODS
from ...forecasting.scenarios.adjustments import apply_adjustments, select_adjustments
from ...forecasting.scenarios.sample_paths import sample_paths
from ...forecasting.scenarios.what_if import Change, what_if
from ...forecasting.volume.backtest import backtest, leaderboard
from ...forecasting.volume.forecast import forecast
from ..project.project import Project
from ..project.specs import Config, ForecastSpec
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, figures_table
from ..words.forecast import (
    FIGURES,
    accuracy_sentences,
    day_sentences,
    method_sentences,
    planner_notes,
    slot_sentence,
    sum_sentence,
    value_sentence,
    week_sentence,
)
from .adjusted import adjustment_sentences, list_queue_names, read_kept, unknown_sentences
from .assumptions import overlap_sentences
from .forecast_scores import (
    EVALUATED_LEVELS,
    compute_coverage,
    latest_forecasts,
    score_by_lead,
    score_by_series,
    score_by_slot,
)
from .forecast_target import ForecastTarget, find_forecast_target
from .segments import (
    ReconciledForecast,
    add_cold_start_forecasts,
    adjust_totals,
    find_cold_start_series,
    reconcile_folds,
    reconcile_forecast,
    scale_paths,
)

Progress = Callable[[int, int], None] | None

#: Paths that the sum of a week rests on, and the most values that are drawn for it.
DEFAULT_PATHS, MIN_PATHS, MAX_PATH_VALUES = 500, 100, 3_000_000
#: Days of history without which nothing is said of how sure a week is.
MIN_HISTORY_DAYS = 56


@dataclass(frozen=True)
class ScenarioOptions:
    """What one forecast is asked beyond the configuration: assumptions on the days ahead, and sample paths."""

    changes: tuple[Change, ...] = ()
    paths: int = 0
    seed: int = 0


def forecast_stage(project: Project, progress: Progress = None, asked: ScenarioOptions | None = None) -> Stage:
    """Forecast the volumes of the configuration, and score the method on rolling origins.

    Where the volumes are split by segments, the segments are made to add up to their sums, and what is scored is what
    is issued.

    Returns
    -------
    Stage
        Tables ``actuals``, ``forecast``, ``totals`` (sums of segments), ``leaderboard`` and its parts
        ``forecast_by_lead``, ``forecast_by_time``, ``forecast_by_series``, ``forecast_coverage``, ``backtest`` (what
        was forecast last for each slot of the past), ``forecast_notes``, ``forecast_figures`` (what the sentences state
        beyond these), and ``paths`` where they are asked for; all scores are measured on origins that the forecasts in
        them have not seen.
    """
    spec, asked = project.config.forecast, asked or ScenarioOptions()
    context = forecast_context(project.config, project) | read_known_columns(project.config)
    steps = _Steps(progress, 3 + 2 * spec.windows)
    target = find_forecast_target(project, spec)
    ahead, together = forecast_series(target, spec, context)
    steps.to(1)
    whole = add_up(target, ahead, together, spec, context)
    steps.to(2)
    paths = _paths(target, ahead, whole, spec, context, asked)
    steps.to(3)
    folds = _folds(target, spec, context, whole, steps)
    tables: dict[str, pd.DataFrame] = {"actuals": target.actuals, "forecast": whole.leaves}
    tables |= ({"totals": whole.totals} if whole.totals is not None else {}) | _scores(folds, spec)
    assumed: list[str] = []
    kept = read_kept(project) if target.is_additive else []
    chosen = select_adjustments(tables["forecast"], [one.change for one in kept])
    if asked.changes or chosen:
        paths, assumed = _apply_assumptions(tables, paths, asked, chosen, spec)
        assumed = [*adjustment_sentences(kept, [change.name for change in chosen]), *assumed]
    series_names, queues = list(whole.leaves["unique_id"].unique()), list_queue_names(project.config)
    assumed += unknown_sentences(kept, series_names, queues, whole.leaves["ds"])
    notes = list(dict.fromkeys([*ahead.attrs.get("notes", []), *whole.notes]))
    tables["forecast_notes"] = pd.DataFrame({"note": pd.Series(notes, dtype="str")})
    if asked.paths and paths is not None:
        tables["paths"] = paths
    findings: list[str] = [
        *_headlines(target, tables, folds, paths, spec),
        *assumed,
        *_days_ahead(target, tables["forecast"], context, spec),
        *accuracy_sentences(
            tables["leaderboard"], folds["cutoff"].nunique(), "volume" if target.is_additive else "value", spec.freq
        ),
        *method_sentences(str(ahead.attrs.get("model", "")), ahead.attrs.get("weights")),
        *_coherence(whole),
        *planner_notes(notes),
    ]
    best = tables["leaderboard"].set_index("model").loc["deskcast"]
    metrics = {str(k): float(v) for k, v in best.items() if isinstance(v, (int, float, np.number))}
    params = {"freq": spec.freq, "horizon": spec.horizon, "by": ",".join(spec.by) or "-", "windows": spec.windows}
    params["noun"] = target.noun
    tables |= figures_table(FIGURES, findings)
    return Stage("forecast", tables, tuple(findings), params | ({"kpi": spec.kpi} if spec.kpi else {}), metrics)


def forecast_series(target: ForecastTarget, spec: ForecastSpec, context: dict[str, Any]) -> tuple[pd.DataFrame, bool]:
    """Forecast each series by itself, and tell whether they are to be made to add up.

    Parameters
    ----------
    target
        The series.
    spec
        Horizon, time steps, methods and levels.
    context
        From :func:`forecast_context`.
    """
    rules: dict[str, Any] = {"levels": spec.levels, "windows": spec.windows, **_models(spec), **target.rules, **context}
    ahead = forecast(target.actuals, spec.horizon, spec.freq, **rules)
    ahead = ahead.drop(columns=[c for c in ahead.columns if c.startswith(NAIVE_METHODS) and c not in NAIVE_METHODS])
    auto = target.is_additive and spec.models == ("auto",)
    young = find_cold_start_series(target.actuals) if auto and spec.by else []
    if young:
        borrow: dict[str, Any] = {"by": list(spec.by), "levels": spec.levels, "windows": spec.windows, **context}
        ahead = add_cold_start_forecasts(ahead, target.actuals, young, spec.horizon, spec.freq, **borrow)
    # sums of named models, and of young segments, are those of their segments
    return ahead, auto and not young


def add_up(
    target: ForecastTarget, ahead: pd.DataFrame, together: bool, spec: ForecastSpec, context: dict[str, Any]
) -> ReconciledForecast:
    """Make forecasts of series add up to their sums, where they are to."""
    return reconcile_forecast(target.actuals, ahead, spec, context) if together else ReconciledForecast(ahead)


def forecast_context(config: Config, project: Project, calendar: str | None = None) -> dict[str, Any]:
    """Return what every forecast is told of the desk: opening hours, holidays and known events."""
    name = calendar or config.forecast.calendar
    known = pd.DataFrame([(e.name, e.start, e.end) for e in config.events], columns=["name", "start", "end"])
    return {
        "calendar": project.log.calendars.get(name) if name else None,
        "holidays": config.forecast.holidays or None,
        "events": known if len(known) else None,
    }


def read_known_columns(config: Config) -> dict[str, Any]:
    """Return the regressors of the configuration as an argument of a forecast; of another KPI than volumes none."""
    spec = config.forecast
    if not spec.regressors or spec.kpi:
        return {}
    frame = read_raw(config.path(spec.regressors)).frame
    # text of a CSV; what is no time is refused by name where it is read
    return {"regressors": frame.replace("", None)}


class _Steps:
    """Show how much of the work is done."""

    def __init__(self, tell: Progress, total: int) -> None:
        self.add_event, self.total = tell, total

    def to(self, done: int) -> None:
        if self.add_event is not None:
            self.add_event(min(done, self.total), self.total)


def _models(spec: ForecastSpec) -> dict[str, Any]:
    """Return the methods that were asked for; nothing where it is left to the forecast."""
    if spec.models == ("auto",):
        return {}
    return {"models": spec.models[0] if len(spec.models) == 1 else spec.models}


def _paths(
    target: ForecastTarget,
    ahead: pd.DataFrame,
    whole: ReconciledForecast,
    spec: ForecastSpec,
    context: dict[str, Any],
    asked: ScenarioOptions,
) -> pd.DataFrame | None:
    """Draw paths of the series, at the level of the forecasts that add up; of very many series, of their sum."""
    if not target.is_additive:
        if asked.paths:
            raise InputError(
                "simulated paths need counts",
                column="kpi",
                got=target.kpi,
                hint="leave out --paths",
                code="kpi.unavailable",
            )
        return None
    count, given = asked.paths or min(DEFAULT_PATHS, MAX_PATH_VALUES // max(len(ahead), 1)), target.actuals
    if not asked.paths and count < MIN_PATHS:
        count, given = DEFAULT_PATHS, given.groupby("ds")["y"].sum().reset_index().assign(unique_id="all")
    rules: dict[str, Any] = {"levels": spec.levels, "windows": spec.windows, "seed": asked.seed, **context}
    if given is not target.actuals and "unique_id" in rules.get("regressors", ()):
        rules["regressors"] = None  # they are of segments, not of the total
    paths = sample_paths(given, spec.horizon, spec.freq, n=count, **rules)
    return paths if given is not target.actuals else scale_paths(paths, whole.leaves)


def _apply_assumptions(
    tables: dict[str, pd.DataFrame],
    paths: pd.DataFrame | None,
    asked: ScenarioOptions,
    chosen: Sequence[Change],
    spec: ForecastSpec,
) -> tuple[pd.DataFrame | None, list[str]]:
    """Change forecast, totals and paths by the adjustments and by what is assumed, and say what that does."""
    changed = apply_adjustments(tables["forecast"], chosen)
    if asked.changes:
        changed = what_if(changed, asked.changes, asked.seed)
    tables["forecast"] = changed
    if "totals" in tables:
        tables["totals"] = adjust_totals(tables["totals"], changed, spec.by)
    before = Fact.at(Cell("forecast", "baseline", take="sum"), tables, "volume", "without what is assumed")
    change = float(changed["deskcast"].sum()) - before.value
    more = figure(FIGURES, "change by what is assumed", "whole horizon", abs(change))
    than = f"{more:~} {'above' if change >= 0 else 'below'} the {before:~}"
    every = [str(one) for one in changed.attrs["changes"]]
    assumed = every[len(chosen) :]
    what = "adjustments" if not asked.changes else "scenario" if not chosen else "adjustments and scenario"
    verb, it = ("adds", "it") if what == "scenario" else ("add", "them")
    said: list[str] = [
        *([Finding(f"Scenario: {'; '.join(assumed)}.", names=assumed)] if assumed else []),
        Finding(f"The {what} {verb} up to {than} of the forecast without {it}.", more, before),
        *overlap_sentences((*chosen, *asked.changes)),
    ]
    return None if paths is None else what_if(paths, (*chosen, *asked.changes), asked.seed), said


def _folds(
    target: ForecastTarget, spec: ForecastSpec, context: dict[str, Any], whole: ReconciledForecast, steps: _Steps
) -> pd.DataFrame:
    """Forecast the past as the forecast is issued: added up where it is."""
    levels = tuple(sorted({*spec.levels, *EVALUATED_LEVELS}))
    shared: dict[str, Any] = {"windows": spec.windows, "levels": levels, **context}
    folds = backtest(
        target.actuals,
        spec.horizon,
        spec.freq,
        progress=lambda done, of: steps.to(3 + round(spec.windows * done / of)),
        **shared,
        **_models(spec),
        **target.rules,
    )
    if whole.totals is not None:
        folds = reconcile_folds(folds, target.actuals, spec, shared, lambda done, _: steps.to(3 + spec.windows + done))
    steps.to(steps.total)
    return folds


def _scores(folds: pd.DataFrame, spec: ForecastSpec) -> dict[str, pd.DataFrame]:
    """Score the folds; the leaderboard by the levels that are issued, coverage at more of them."""
    also = [c for c in folds.columns if "-lo-" in str(c) or "-hi-" in str(c)]
    extra = [c for c in also if float(str(c).rsplit("-", 1)[1]) not in spec.levels]
    issued = folds.drop(columns=extra)
    last = latest_forecasts(issued)
    return {
        "leaderboard": leaderboard(issued),
        "forecast_by_lead": score_by_lead(issued, spec.levels),
        "forecast_by_time": score_by_slot(issued, spec.levels),
        "forecast_by_series": score_by_series(issued, spec.levels),
        "forecast_coverage": compute_coverage(folds),
        "backtest": last,
    }


def _headlines(
    target: ForecastTarget,
    tables: dict[str, pd.DataFrame],
    folds: pd.DataFrame,
    paths: pd.DataFrame | None,
    spec: ForecastSpec,
) -> list[str]:
    """Describe what comes next: a week as the sum of its slots, or where a KPI is heading."""
    ahead = tables["forecast"]
    if not target.is_additive:
        return [value_sentence(target.kpi, target.actuals, ahead)]
    if spec.freq in ("W", "MS"):
        totals = tables.get("totals", ahead)
        whole = totals[totals["node"] == "total"] if "node" in totals.columns else totals
        return (
            [slot_sentence(whole, target.noun, spec.freq, "totals" if "totals" in tables else "forecast")]
            if ahead["unique_id"].nunique() < 2 or "totals" in tables
            else []
        )
    days = (target.actuals["ds"].max() - target.actuals["ds"].min()).days + 1
    if days < MIN_HISTORY_DAYS:
        return [sum_sentence(ahead, target.noun, days // 7)]
    return [week_sentence(target.actuals, ahead, folds, paths, target.noun)]


def _days_ahead(target: ForecastTarget, ahead: pd.DataFrame, context: dict[str, Any], spec: ForecastSpec) -> list[str]:
    if not target.is_additive or spec.freq in ("W", "MS"):
        return []
    return [*day_sentences(target.actuals, ahead, context["holidays"], context["events"], target.noun)]


def _coherence(whole: ReconciledForecast) -> list[str]:
    """Report that segments and totals are one forecast."""
    if whole.totals is None:
        return []
    segments = Cell("forecast", "unique_id", take="distinct")
    count = Fact.at(segments, {"forecast": whole.leaves}, "segments", "forecast")
    moved = figure(FIGURES, "moved by reconciliation", "segments", whole.moved, "share", audience="analyst")
    found: list[str] = [Finding(f"The {count:segment} add up to the total.", count, audience="planner")]
    if whole.moved > 0.001:
        found.append(Finding(f"Reconciliation moved the segments by {moved} of their volume.", moved))
    return found

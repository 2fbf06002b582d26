"""The stage on volumes: the forecast of what comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..features.definitions import unit_of
from ..features.kpis import kpi_history, series
from ..forecasting.evaluation import backtest, leaderboard
from ..forecasting.paths import sample_paths
from ..forecasting.scenario import Change, what_if
from ..forecasting.volume import forecast
from .assumptions import overlaps
from .coherent import Whole, changed_totals, scaled_paths, whole_folds, whole_forecast
from .forecast_scores import CHECKED, by_lead, by_series, by_slot, first_week, held
from .forecast_words import (
    accuracy_sentence,
    day_sentences,
    method_sentences,
    sum_sentence,
    value_sentence,
    week_sentence,
    weighty,
)
from .opening import Project
from .specs import Config, ForecastSpec
from .stage import Stage
from .words import number, plural

Progress = Callable[[int, int], None] | None

#: Paths that the sum of a week rests on, and the most values that are drawn for it.
PATHS, MOST_VALUES = 500, 3_000_000
#: Days of history without which nothing is said of how sure a week is.
LEAST_DAYS = 56


@dataclass(frozen=True)
class Asked:
    """What one forecast is asked beyond the configuration: assumptions on the days ahead, and sample paths."""

    changes: tuple[Change, ...] = ()
    paths: int = 0
    seed: int = 0


def forecast_stage(project: Project, progress: Progress = None, asked: Asked | None = None) -> Stage:
    """Forecast the volumes of the configuration, and score the method on rolling origins.

    Where the volumes are split by segments, the segments are made to add up to their sums, and what is scored is what
    is issued.

    Returns
    -------
    Stage
        Tables ``actuals``, ``forecast``, ``totals`` (sums of segments), ``leaderboard`` and its parts
        ``forecast_by_lead``, ``forecast_by_slot``, ``forecast_by_series``, ``forecast_coverage``, ``backtest`` (what
        was forecast last for each slot of the past), ``forecast_notes``, and ``paths`` where they are asked for; all
        scores are measured on origins that the forecasts in them have not seen.
    """
    spec, asked = project.config.forecast, asked or Asked()
    kpi = spec.kpi or arrivals_kpi(project)
    context = forecast_context(project.config, project)
    steps = _Steps(progress, 3 + 2 * spec.windows)
    actuals = series(kpi_history(project.log, [kpi], spec.by, spec.freq), kpi)
    ahead = forecast(actuals, spec.horizon, spec.freq, levels=spec.levels, windows=spec.windows, **context)
    own = ahead[["unique_id", "ds", "deskcast"]]
    steps.to(1)
    whole = whole_forecast(actuals, ahead, spec, context) if unit_of(kpi) == "count" else Whole(ahead)
    steps.to(2)
    paths = _paths(actuals, own, whole, spec, context, asked) if _flows(kpi) or asked.paths else None
    steps.to(3)
    tables: dict[str, pd.DataFrame] = {"actuals": actuals, "forecast": whole.leaves}
    if whole.totals is not None:
        tables["totals"] = whole.totals
    findings: list[str] = []
    if asked.changes:
        tables, paths, findings = _assumed(tables, paths, asked, spec)
    folds = _folds(actuals, spec, context, whole, steps)
    scores = _scores(folds, spec)
    tables |= scores
    notes = list(dict.fromkeys([*ahead.attrs.get("notes", []), *whole.notes]))
    tables["forecast_notes"] = pd.DataFrame({"note": pd.Series(notes, dtype="str")})
    if asked.paths and paths is not None:
        tables["paths"] = paths
    noun = noun_of(project, kpi)
    findings = [
        *_headlines(actuals, tables["forecast"], paths, kpi, noun, spec),
        *findings,
        *(_days_ahead(actuals, tables["forecast"], context, noun) if _flows(kpi) else []),
        accuracy_sentence(scores["leaderboard"]),
        *method_sentences(str(ahead.attrs.get("model", "")), ahead.attrs.get("tiers")),
        *_coherence(whole, tables["forecast"]),
        *weighty(notes),
    ]
    best = scores["leaderboard"].set_index("model").loc["deskcast"]
    metrics = {str(k): float(v) for k, v in best.items() if isinstance(v, (int, float, np.number))}
    params = {"freq": spec.freq, "horizon": spec.horizon, "by": ",".join(spec.by) or "-", "windows": spec.windows}
    return Stage("forecast", tables, tuple(findings), params | ({"kpi": spec.kpi} if spec.kpi else {}), metrics)


def forecast_context(config: Config, project: Project, calendar: str | None = None) -> dict[str, Any]:
    """Return what every forecast is told of the desk: opening hours, holidays and known events."""
    name = calendar or config.forecast.calendar
    known = pd.DataFrame([(e.name, e.start, e.end) for e in config.events], columns=["name", "start", "end"])
    return {
        "calendar": project.log.calendars.get(name) if name else None,
        "holidays": config.forecast.holidays or None,
        "events": known if len(known) else None,
    }


def arrivals_kpi(project: Project) -> str:
    """Return the KPI that counts what comes: a telephone log has contacts and no cases."""
    bare = project.log.has("contacts") and not (project.log.has("cases") or project.log.has("volumes"))
    return "contacts_offered" if bare else "cases_opened"


def noun_of(project: Project, kpi: str) -> str:
    """Return what a KPI counts, as a noun."""
    if kpi.startswith("contacts"):
        return "contact"
    return "case" if project.log.has("cases") else "arrival"


class _Steps:
    """Tell how much of the work is done."""

    def __init__(self, tell: Progress, total: int) -> None:
        self.tell, self.total = tell, total

    def to(self, done: int) -> None:
        if self.tell is not None:
            self.tell(min(done, self.total), self.total)


def _flows(kpi: str) -> bool:
    """Tell whether a KPI counts what happens in a period, so that periods can be summed."""
    return unit_of(kpi) == "count" and not kpi.startswith("backlog")


def _paths(
    actuals: pd.DataFrame, own: pd.DataFrame, whole: Whole, spec: ForecastSpec, context: dict[str, Any], asked: Asked
) -> pd.DataFrame | None:
    """Draw paths of the series, at the level of the forecasts that add up; of very many series, of their sum."""
    count = asked.paths or min(PATHS, MOST_VALUES // max(len(own), 1))
    given = actuals
    if not asked.paths and count < 100:
        given = actuals.groupby("ds", as_index=False)["y"].sum().assign(unique_id="all")
        count = PATHS
    rules = {"levels": spec.levels, "windows": spec.windows, "seed": asked.seed, **context}
    paths = sample_paths(given, spec.horizon, spec.freq, n=count, **rules)
    return scaled_paths(paths, own, whole.leaves) if given is actuals and whole.totals is not None else paths


def _assumed(
    tables: dict[str, pd.DataFrame], paths: pd.DataFrame | None, asked: Asked, spec: ForecastSpec
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame | None, list[str]]:
    """Change forecast, totals and paths by what is assumed, and say what that does."""
    changed = what_if(tables["forecast"], asked.changes, asked.seed)
    found = {**tables, "forecast": changed}
    if "totals" in tables:
        found["totals"] = changed_totals(tables["totals"], changed, spec.by)
    before = float(changed["baseline"].sum())
    more = round(float(changed["deskcast"].sum()) - before)
    said = [
        f"Assumed: {'; '.join(changed.attrs['changes'])}.",
        f"That is {number(abs(more))} {'more' if more >= 0 else 'fewer'} than the {number(round(before))} expected "
        "without it over the whole horizon.",
        *overlaps(asked.changes),
    ]
    return found, None if paths is None else what_if(paths, asked.changes, asked.seed), said


def _folds(
    actuals: pd.DataFrame, spec: ForecastSpec, context: dict[str, Any], whole: Whole, steps: _Steps
) -> pd.DataFrame:
    """Forecast the past as the forecast is issued: added up where it is."""
    levels = tuple(sorted({*spec.levels, *CHECKED}))
    shared: dict[str, Any] = {"windows": spec.windows, "levels": levels, **context}
    models = spec.models[0] if len(spec.models) == 1 else spec.models
    folds = backtest(
        actuals,
        spec.horizon,
        spec.freq,
        models=models,
        progress=lambda done, of: steps.to(3 + round(spec.windows * done / of)),
        **shared,
    )
    if whole.totals is not None:
        folds = whole_folds(folds, actuals, spec, shared, lambda done, _: steps.to(3 + spec.windows + done))
    steps.to(steps.total)
    return folds


def _scores(folds: pd.DataFrame, spec: ForecastSpec) -> dict[str, pd.DataFrame]:
    """Score the folds; the leaderboard by the levels that are issued, coverage at more of them."""
    also = [c for c in folds.columns if "-lo-" in str(c) or "-hi-" in str(c)]
    extra = [c for c in also if float(str(c).rsplit("-", 1)[1]) not in spec.levels]
    issued = folds.drop(columns=extra)
    last = first_week(issued)
    return {
        "leaderboard": leaderboard(issued),
        "forecast_by_lead": by_lead(issued, spec.levels),
        "forecast_by_slot": by_slot(issued, spec.levels),
        "forecast_by_series": by_series(issued, spec.levels),
        "forecast_coverage": held(folds),
        "backtest": last,
    }


def _headlines(
    actuals: pd.DataFrame, ahead: pd.DataFrame, paths: pd.DataFrame | None, kpi: str, noun: str, spec: ForecastSpec
) -> list[str]:
    """Say what comes next: a week as the sum of its slots, or where a KPI is heading."""
    if not _flows(kpi):
        return [value_sentence(kpi, actuals, ahead)]
    if spec.freq in ("W", "MS"):
        first = ahead["ds"].min()
        total = ahead.loc[ahead["ds"] == first, "deskcast"].sum()
        name = f"Week of {first:%a %d %b %Y}" if spec.freq == "W" else f"{first:%B %Y}"
        return [f"{name}: {plural(round(total), noun)} expected."]
    days = (actuals["ds"].max() - actuals["ds"].min()).days + 1
    if paths is None or days < LEAST_DAYS:
        return [sum_sentence(ahead, noun, days // 7)]
    return [week_sentence(actuals, paths, noun)]


def _days_ahead(actuals: pd.DataFrame, ahead: pd.DataFrame, context: dict[str, Any], noun: str) -> list[str]:
    return day_sentences(actuals, ahead, context["holidays"], context["events"], noun)


def _coherence(whole: Whole, ahead: pd.DataFrame) -> list[str]:
    """Say that segments and sums are one forecast."""
    if whole.totals is None:
        return []
    count = ahead["unique_id"].nunique()
    moved = whole.moved
    much = f"; that moved the forecasts of segments by {moved:.1%} of their volume" if moved >= 0.001 else ""
    return [f"The {plural(count, 'segment')} and their sums add up exactly{much}."]

"""Train the breach model on the past of the log, and judge it on cases that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.case_log.cache import compute_once
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.labels.breach import breach_labels, find_case_ends
from ...features.snapshots.snapshots import daily, snapshots
from ...models.evaluation.statement import join_statements, split_statement
from ...models.risk.breach import BreachRisk
from ...models.risk.estimator import RiskEstimator
from ..project.config import CONFIG_FILE
from ..project.project import Project, open_project
from ..project.specs import Config, RiskSpec
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding
from ..words.figures import bind_sentences, figures_table
from ..words.words import format_number
from .train_scores import DEFAULT_CUTOFFS, FIGURES

#: More snapshot rows than this teach a logistic model little and cost time.
MAX_SNAPSHOT_ROWS = 60_000
#: Days are thinned to one in so many; what is still too much is a sample of the cases.
MAX_STEP_DAYS = 10
#: The cases of an instant are counted roughly.
SAMPLE_TOLERANCE = 0.02
#: A log that ends so near to the usual time of day is looked at then only.
SAME_TIME_TOLERANCE = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class TrainedModel:
    """The breach model with what it learnt from.

    Attributes
    ----------
    risk
        The model as it stands at the end of the log: moved to the speed and the base rate of the last days.
    metric
        Its promise.
    frame
        Snapshots that it learnt from.
    today
        Snapshots of the cases that are open at the end of the log.
    labels, ends
        Outcomes of the promise, and when the work was done.
    outcomes
        Models of other outcomes (``dissatisfaction``, ``escalation``) that are in use; others are fitted anew.
    trained_until
        End of the data of a model that was in use already; ``None`` where it was trained now.
    fitted
        Models of other outcomes that were fitted on the way, as they were not in use.
    """

    risk: BreachRisk
    metric: str
    frame: pd.DataFrame
    today: pd.DataFrame
    labels: pd.DataFrame
    ends: pd.DataFrame
    outcomes: Mapping[str, RiskEstimator] = field(default_factory=dict)
    trained_until: pd.Timestamp | None = None
    fitted: dict[str, RiskEstimator] = field(default_factory=dict)


def risk_metric(project: Project) -> str | None:
    """Return the promise whose breach is predicted: resolution before all others, else the first configured.

    Where none is, the due times that the cases bring with them are.
    """
    metrics = [s.metric for s in project.config.slas]
    if not metrics and project.log.has("due_times"):
        metrics = sorted(project.log.frame("sla_policies")["metric"].unique())
    return _first(metrics)


def train_breach_risk(
    source: Project | CaseLog | Config | str | Path = CONFIG_FILE,
    *,
    metric: str | None = None,
    settings: RiskSpec | None = None,
) -> TrainedModel:
    """Train the breach model as ``deskcast train`` does: the same snapshots, calendar, ends and instant.

    Parameters
    ----------
    source
        A ``deskcast.toml`` (the file, or what was opened or loaded of it), or a log with SLA policies.
    metric
        SLA metric; by default resolution, or else the first that there is.
    settings
        When and how far back cases are looked at; by default the ``[risk]`` of the configuration.

    Returns
    -------
    The model with the snapshots, outcomes and open cases behind it.

    Raises
    ------
    InputError
        If there is no SLA target, no event, or no outcome to learn from.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> train_breach_risk(CaseLog.from_frames(cases=cases))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: no SLA target is configured (add an [[sla]] section)
    """
    project = open_project(source) if isinstance(source, (Config, str, Path)) else source
    if isinstance(project, Project):
        log, spec, metric = project.log, settings or project.config.risk, metric or risk_metric(project)
    else:
        log, spec = project, settings or RiskSpec()
        known = log.frame("sla_policies")["metric"].dropna() if log.has("sla_policies") else ()
        metric = metric or _first(list(known))
    return _train(log, metric, spec)


def _first(metrics: list[str]) -> str | None:
    return "resolution" if "resolution" in metrics else next(iter(metrics), None)


def _train(log: CaseLog, metric: str | None, spec: RiskSpec) -> TrainedModel:
    if metric is None:
        raise InputError("no SLA target is configured", hint="add an [[sla]] section", code="value.range")
    if not log.has("events"):
        raise InputError(
            "missing events: cases can only be followed through events", where="events", code="kpi.unavailable"
        )
    labels = metric_labels(log, metric)
    instants = training_instants(log, spec)
    if labels["label"].notna().sum() == 0 or len(instants) == 0:
        raise InputError(f"no case has met or breached the SLA '{metric}' yet", code="labels.none")
    frame, today = look_at_cases(log, instants, metric)
    ends = find_case_ends(log, metric)
    risk = BreachRisk(calendar=calendar_of(log, metric)).fit(frame, labels, as_of=log.until, ends=ends)
    return TrainedModel(risk, metric, frame, today, labels, ends)


def metric_labels(log: CaseLog, metric: str) -> pd.DataFrame:
    """Return the outcomes of one promise, with when each was decided."""
    labels = breach_labels(log, with_decision=True)
    return labels[labels["metric"] == metric]


def look_at_cases(log: CaseLog, instants: pd.DatetimeIndex, metric: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look once at the cases for both: snapshots of past instants to learn from, and what is open at the end."""
    share = find_sample_share(log, instants)
    both = snapshots(log, instants.union(pd.DatetimeIndex([log.until])), metric, share=share)
    today = both[both["at"] == log.until].reset_index(drop=True)
    if share >= 1:
        return both[both["at"].isin(instants)].reset_index(drop=True), today
    frame = both[both["at"].isin(instants) & (both["at"] < log.until)]
    return frame.tail(MAX_SNAPSHOT_ROWS).reset_index(drop=True), today  # of too many the latest


def find_sample_share(log: CaseLog, instants: pd.DatetimeIndex, max_rows: int = MAX_SNAPSHOT_ROWS) -> float:
    """Return which share of the cases at these instants to learn from: all, unless they are far too many.

    A busy desk has more open cases on a single morning than a model learns from. Fewer instants would show few days;
    so cases are left out by a digest of their names, the same on every engine.
    """
    load = float(_open_at(log, instants).sum()) if len(instants) else 0.0
    return 1.0 if load <= max_rows * (1 + SAMPLE_TOLERANCE) else max_rows * (1 - SAMPLE_TOLERANCE) / load


def train_stage(
    project: Project,
    log: CaseLog | None = None,
    *,
    evaluate: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Stage, TrainedModel | None]:
    """Fit the breach model on the past of the log, and judge it on cases that it never saw.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant.
    log
        Another log than the project's.
    evaluate
        Also train at rolling cut-offs in time; see
        :func:`~deskcast.pipelines.stages.train_scores.backtest_breach_risk`.
    progress
        Told how many cut-offs are done, and how many there are.

    Returns
    -------
    stage
        Tables ``evaluation`` and ``calibration``, and ``train_figures`` (what the sentences state beyond them); the
        finding says whether the model was promoted over the rules.
    trained
        The fitted model with its data, or ``None`` where nothing can be learnt from this log.
    """
    log = log or project.log
    metric = risk_metric(project)
    if metric is None:
        return Stage("train", skipped="No SLA is configured: add an [[sla]] section."), None
    if not log.has("events"):
        return Stage("train", skipped="The log has no events, so no SLA can be measured."), None
    try:
        trained = _train(log, metric, project.config.risk)
    except InputError as error:
        return Stage("train", skipped=str(error), refused=True), None
    return describe_training(project, log, trained, evaluate=evaluate, progress=progress), trained


def describe_training(
    project: Project,
    log: CaseLog,
    trained: TrainedModel,
    *,
    evaluate: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Stage:
    """Return the stage of a trained model; see :func:`train_stage`."""
    risk, metric, at = trained.risk, trained.metric, trained.frame["at"]
    tables = {"evaluation": risk.evaluation_, "calibration": risk.reliability_}
    params = {"metric": metric, "snapshots": len(at), "from": str(at.min()), "to": str(at.max()), "used": risk.used_}
    findings, metrics = _findings(risk), _scores(risk.evaluation_)
    if evaluate:
        more, said = backtest_training(project, log, trained, progress)
        tables, findings = tables | more, findings + said
        whole = more["breach_backtest"][more["breach_backtest"]["cutoff"].isna()] if more else pd.DataFrame()
        metrics |= {f"backtest_{name}": value for name, value in _scores(whole).items()} if more else {}
    tables = tables | figures_table(FIGURES, findings)
    return Stage("train", tables, tuple(findings), params, metrics)


def _findings(risk: BreachRisk) -> list[str]:
    """Report how far the predictions are off, and for analysts what is used and why."""
    table = risk.evaluation_
    if table.empty or not table["n"].max() or risk.used_ not in set(table["model"]):
        return [
            *bind_sentences(risk.decision_, FIGURES, risk.metric_, audience="planner" if table.empty else "analyst")
        ]
    held = {"n": Cell("evaluation", "n", {"model": risk.used_})}

    def fact(column: str, unit: str, **more: Any) -> Fact:
        cell = Cell("evaluation", column, {"model": risk.used_})
        return Fact(f"model_{column}", risk.metric_, cell.read({"evaluation": table}), unit, cell=cell, **more)

    n, brier, rate = fact("n", "count"), fact("brier", "model_score"), fact("base_rate", "share")
    off = fact("ece", "share", audience="planner")
    points = replace(off, text=format_number(100 * off.value))
    parts = split_statement(risk.decision_, 1)
    why = join_statements(p for p in parts if "error" not in {f.name for f in p.figures})  # that is said to planners
    return [
        Finding(f"Breach risk is within {points.text} points of the observed rate on average.", points),
        *bind_sentences(why, FIGURES, risk.metric_, cells=held, audience="analyst"),
        Finding(
            f"{rate} of these {n:snapshot} ended in a breach; the Brier score is {brier}.",
            n,
            rate,
            brier,
            audience="analyst",
        ),
    ]


def backtest_training(
    project: Project,
    log: CaseLog,
    trained: TrainedModel,
    progress: Callable[[int, int], None] | None = None,
    cutoffs: int = DEFAULT_CUTOFFS,
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Train at cut-offs in time and return tables and findings; see :mod:`deskcast.pipelines.stages.train_scores`."""
    from .train_scores import backtest_breach_risk

    # An alert a day means one look a day: the mornings.
    mornings = daily(trained.frame["at"].min(), log.until, at=project.config.risk.at, timezone=log.timezone)
    frame = trained.frame[trained.frame["at"].isin(mornings)].reset_index(drop=True)
    try:
        return backtest_breach_risk(
            frame,
            trained.labels,
            trained.ends,
            as_of=log.until,
            calendar=calendar_of(log, trained.metric),
            used=trained.risk.used_,
            k=project.config.risk.cases_per_day or 20,
            cutoffs=cutoffs,
            progress=progress,
        )
    except InputError as error:
        return {}, [Finding(f"Not tested at several dates: {error}.", audience="analyst", names=[str(error)])]


def calendar_of(log: CaseLog, metric: str) -> BusinessCalendar | None:
    """Return the opening hours on which a promise runs; none where its clock never stops or a system decides."""
    policies = log.frame("sla_policies")
    mine = policies[policies["metric"] == metric]
    if "calendar" not in mine or not (mine["clock"] == "business").all():
        return None
    names = mine["calendar"].dropna().unique()
    return log.calendars.get(str(names[0])) if len(names) == 1 else None


def _scores(evaluation: pd.DataFrame) -> dict[str, float]:
    """Name each score by its model, as a tracker wants them."""
    names = [c for c in ("n", "base_rate", "auc", "average_precision", "brier", "ece") if c in evaluation]
    return {
        f"{row['model']}_{c}".replace(" ", "_"): float(row[c])
        for _, row in evaluation.iterrows()
        for c in names
        if pd.notna(row[c])
    }


def training_instants(log: CaseLog, spec: RiskSpec, max_rows: int = MAX_SNAPSHOT_ROWS) -> pd.DatetimeIndex:
    """Choose the daily instants to learn from: the latest busy span, thinned where it would be too much.

    Days are looked at in the morning, and where the log ends at another time of the day, at that time too: what is open
    at midnight is not what is open at eight. The tail of an export that was chosen by opening date has days with a
    handful of leftovers; the span is counted back from where 99 % of all openings had come, so that they do not crowd
    out the days that matter.
    """
    created = log.frame(log.table("cases").select("created_at"))["created_at"]
    if created.empty:
        return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    last = log.until
    busy = min(created.sort_values().iloc[int(0.99 * (len(created) - 1))], last)
    start = max(pd.Timestamp(created.min()), busy - pd.Timedelta(days=spec.train_days))
    looks = [daily(start, last, at=at, timezone=log.timezone) for at in times_of_day(log, spec)]
    load = float(_open_at(log, pd.DatetimeIndex(looks[0].append(looks[1:]))).sum())
    step = min(max(1, int(np.ceil(load / max_rows))), MAX_STEP_DAYS)
    step += step % 7 == 0  # whole weeks would show one weekday only
    found = looks[0][::-1][::step][::-1]
    for more in looks[1:]:
        found = found.union(more[::-1][::step])
    return found


def times_of_day(log: CaseLog, spec: RiskSpec) -> tuple[str, ...]:
    """Return the local times at which days are looked at: that of the configuration, and that at which the log ends.

    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-02T15:30Z")
    >>> times_of_day(log, RiskSpec()), times_of_day(log, RiskSpec(at="15:00"))
    (('08:00', '15:30'), ('15:00',))
    """
    now = log.until.tz_convert(log.timezone)
    usual = pd.Timedelta(f"{spec.at}:00") if spec.at.count(":") == 1 else pd.Timedelta(spec.at)
    apart = abs(pd.Timedelta(hours=now.hour, minutes=now.minute) - usual)
    near = min(apart, pd.Timedelta(days=1) - apart) <= SAME_TIME_TOLERANCE
    return (spec.at,) if near else (spec.at, f"{now:%H:%M}")


def _open_at(log: CaseLog, instants: pd.DatetimeIndex) -> np.ndarray:
    """Count the cases that are open at each instant, roughly: created and not yet done for the last time.

    Where the exporting system decides at closing, resolved cases wait on and count; elsewhere they are done.
    """
    starts, ends = compute_once(log, "openings and ends", lambda: _fetch_openings(log))
    at = _as_numbers(instants)
    return np.searchsorted(starts, at, "right") - np.searchsorted(ends, at, "right")


def _fetch_openings(log: CaseLog) -> tuple[np.ndarray, np.ndarray]:
    """Fetch when cases were created and when they were done, each in order."""
    events = log.table("events")
    policies = log.frame("sla_policies") if log.has("sla_policies") else pd.DataFrame({"clock": []})
    kinds = ["closed", "merged"] if (policies["clock"] == "source").any() else ["resolved", "merged"]
    done, last = events.kind.isin(kinds), events.kind.isin(["resolved", "closed", "merged"])
    ended = (
        events.filter(last)
        .group_by("case_id")
        .aggregate(ended=events["at"].max(where=done), late=events["at"].max())
        .mutate(ended=lambda t: t.ended.fill_null(t.late))
        .select("ended")
    )
    starts = log.frame(log.table("cases").select("created_at"))["created_at"]
    return np.sort(_as_numbers(starts)), np.sort(_as_numbers(log.frame(ended)["ended"]))


def _as_numbers(instants: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """Return instants without their zone: an array of zoned ones holds an object each, and is sorted slowly."""
    return np.asarray(pd.DatetimeIndex(instants).tz_convert("UTC").tz_localize(None).as_unit("us").to_numpy())

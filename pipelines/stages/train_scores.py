"""How good the probabilities were: models trained at several cut-offs in time, on later cases that they never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError
from ...features.plugins import registered
from ...models.evaluation.backtest import (
    Predict,
    backtest_risk,
    precision_at_capacity,
    recall_at_workload,
    score_by,
    score_by_prefix,
    score_by_week,
    warning_times,
)
from ...models.evaluation.scores import reliability_tables
from ...models.risk.breach import BreachRisk
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, setting
from ..words.words import format_date

#: The table of what the sentences on the model say and no other table holds.
FIGURES = "train_figures"

#: Cut-offs, over the newest half of the span; each trains anew.
DEFAULT_CUTOFFS = 3
#: A segment needs so many snapshots to be told.
MIN_CASES = 50
#: Models that all tables tell: the one in use and what it has to beat.
BASELINE_MODELS = ("constant", "rule", "rates")


def backtest_breach_risk(
    frame: pd.DataFrame,
    labels: pd.DataFrame,
    ends: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    calendar: BusinessCalendar | None = None,
    used: str = "mean",
    k: int = 20,
    cutoffs: int = DEFAULT_CUTOFFS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Train at rolling cut-offs and tell how the models did on what came after.

    Parameters
    ----------
    frame, labels, ends
        Snapshots of one promise, its outcomes and when work was done; see
        :class:`~deskcast.models.risk.breach.BreachRisk`.
    as_of
        Until when outcomes count as matured.
    calendar
        Of the promise.
    used
        The candidate that is in use.
    k
        Alerts a day.
    cutoffs
        How many.
    progress
        Told the number of cut-offs that are done and of all.

    Returns
    -------
    tables
        ``breach_backtest`` (by cut-off and over all: AUC, average precision, Brier score with its parts, calibration
        error), ``breach_backtest_calibration``, ``precision_at_capacity``, ``recall_by_share``, ``warning_time``,
        ``by_prefix``, ``by_team``, ``by_channel`` (where there are such columns) and ``drift`` (by week).
    findings
        In words.

    Raises
    ------
    InputError
        If nothing can be scored: no case opened after a cut-off has ended.
    """
    points = choose_cutoffs(frame, cutoffs)
    done = 0

    def train(past: pd.DataFrame, known: pd.DataFrame, cutoff: pd.Timestamp) -> Mapping[str, Predict]:
        nonlocal done
        risk = BreachRisk(calendar=calendar, replicates=200).fit(past, known, as_of=cutoff, ends=ends)
        done += 1
        if progress is not None:
            progress(done, len(points))
        models = risk.candidates_
        own = registered("classifier")
        names = [n for n in dict.fromkeys((*BASELINE_MODELS, "logistic", "hazard", "mean", *own, used)) if n in models]
        return {name: models[name].probability for name in names}

    running = (
        frame[~frame["already_breached"].astype("boolean").fillna(False)] if "already_breached" in frame else frame
    )
    try:
        scored = backtest_risk(running, labels, points, train, until=as_of)
    except InputError as error:
        raise InputError(f"the models cannot be trained at the cut-offs: {error}", code="labels.none") from error
    if scored.empty:
        raise InputError(
            "no case that was opened after a cut-off has ended", hint="a longer log is needed", code="labels.none"
        )
    if used not in set(scored["model"]):
        used = str(scored["model"].iloc[0])
    tables = _tables(scored, used, k)
    return tables, list(_findings(tables, scored, used, k))


def choose_cutoffs(frame: pd.DataFrame, count: int = DEFAULT_CUTOFFS) -> list[pd.Timestamp]:
    """Return instants that cut the newest half of the snapshots' span into equal parts.

    >>> at = pd.date_range("2024-03-01T08:00Z", periods=9)
    >>> [t.day for t in choose_cutoffs(pd.DataFrame({"at": at}), 2)]
    [5, 7]
    """
    instants = pd.DatetimeIndex(frame["at"].drop_duplicates().sort_values())
    n = len(instants)
    places = sorted({n // 2 + (n - n // 2) * i // count for i in range(count)}) if n > 1 else []
    return [pd.Timestamp(instants[p - (n % 2 == 0 and p > 0)]) for p in places]


def _tables(scored: pd.DataFrame, used: str, k: int) -> dict[str, pd.DataFrame]:
    whole = score_by(scored, fewest=1)
    by_cutoff = score_by(scored, ["cutoff"], fewest=MIN_CASES)
    whole.insert(0, "cutoff", pd.Series(pd.NaT, index=whole.index, dtype=scored["cutoff"].dtype))
    mine = scored[scored["model"] == used]
    tables = {
        "breach_backtest": pd.concat([whole, by_cutoff], ignore_index=True) if len(by_cutoff) else whole,
        "breach_backtest_calibration": _reliability(scored),
        "precision_at_capacity": precision_at_capacity(scored, k),
        "recall_by_share": recall_at_workload(scored),
        "warning_time": _lead(scored, k),
    }
    for column, name in (("updates", "by_prefix"), ("age_s", "by_prefix")):
        if column in scored and name not in tables and scored[column].notna().any():
            edges = (1, 2, 4, 8, 16) if column == "updates" else (86400.0, 3 * 86400.0, 7 * 86400.0)
            tables[name] = score_by_prefix(mine[mine[column].notna()], column, edges)
    for column in ("team", "channel"):
        if column in scored and scored[column].nunique() > 1:
            tables[f"by_{column}"] = score_by(mine, [column], fewest=MIN_CASES)
    tables["drift"] = score_by_week(scored[scored["model"].isin([used, "constant"])])
    return tables


def _reliability(scored: pd.DataFrame) -> pd.DataFrame:
    one = scored[scored["model"] == scored["model"].iloc[0]]
    predicted = {str(m): rows["probability"].to_numpy(dtype=float) for m, rows in scored.groupby("model", sort=True)}
    same = {m: p for m, p in predicted.items() if len(p) == len(one)}
    return reliability_tables(one["label"].to_numpy(dtype=float), same)


def _lead(scored: pd.DataFrame, k: int) -> pd.DataFrame:
    """Sum up by model how many bad cases were warned of, and how early."""
    rows = warning_times(scored, k)
    found = rows.groupby("model", sort=True)["warning_s"]
    table = pd.DataFrame({"breached": found.size(), "alerted": found.count(), "median_warning_s": found.median()})
    table["warned_a_day_ahead"] = found.apply(lambda s: int((s >= 86400).sum()))
    return table.reset_index()


def _findings(tables: Mapping[str, pd.DataFrame], scored: pd.DataFrame, used: str, k: int) -> list[str]:
    """Report how good the model in use was; each figure is one of the tables."""

    def fact(table: str, column: str, unit: str = "count", **keys: Any) -> Fact:
        cell = Cell(table, column, {"model": used, **keys})
        return Fact(f"backtest_{column}", used, cell.read(tables), unit, cell=cell, audience="analyst")

    auc, brier = (fact("breach_backtest", name, "model_score", cutoff=None) for name in ("auc", "brier"))
    error = fact("breach_backtest", "ece", "share", cutoff=None)
    constant = fact("breach_backtest", "brier", "model_score", cutoff=None, model="constant")
    cuts = Fact.at(Cell("breach_backtest", "cutoff", take="distinct"), tables, "cut-offs", used, audience="analyst")
    cases = figure(FIGURES, "later cases", used, scored["case_id"].nunique())
    found: list[str] = [
        Finding(
            f"Tested at {cuts:date} on {cases} later cases: AUC {auc}, Brier score {brier} (base rate {constant}), "
            f"calibration error {error}.",
            *(cuts, cases, auc, brier, constant, error),
        )
    ]
    alerts = setting("alerts a day", k)
    right, share = (fact("precision_at_capacity", name, "share") for name in ("precision", "cases_found"))
    found.append(
        Finding(
            f"Of {alerts:case} listed a day {right} breach. {share} of all breaches were listed at least once.",
            *(alerts, right, share),
            audience="planner",
        )
    )
    weeks = tables["drift"]
    weeks = weeks[(weeks["model"] == used) & (weeks["n"] >= MIN_CASES)]
    if len(weeks):
        gap = (weeks["predicted"] - weeks["base_rate"]).abs()
        worst = weeks["week"].iloc[int(gap.to_numpy().argmax())]
        first, last, came = (
            fact("drift", "base_rate", "share", week=week)
            for week in (weeks["week"].iloc[0], weeks["week"].iloc[-1], worst)
        )
        expected = fact("drift", "predicted", "share", week=worst)
        found.append(
            Finding(
                f"The breach rate went from {first} to {last}. In the worst week ({format_date(worst)}) it was {came}, "
                f"predicted {expected}.",
                *(first, last, expected, came),
            )
        )
    return found

"""Goals: where a KPI stands in its period, where it is heading, and how likely the goal is to be met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..features.arrays import Floats
from ..features.errors import InputError
from ..features.kpis.catalogue import find_kpi
from .series.kpi_kinds import infer_kpi_kind, segment_names, select_known_columns
from .series.panel import check_columns, numbers_of
from .series.tail_probability import KpiKind

_MAX_WEEKS = 12  # weeks of the past that stand for the weeks to come
_MIN_WEEKS = 4
_PERIOD_ALIASES = {"M": "MS", "month": "MS", "quarter": "QS", "year": "YS", "week": "W"}


@dataclass(frozen=True)
class GoalOutlook:
    """One goal: its value to date, its forecast, and the chance to meet it.

    Attributes
    ----------
    kpi, series
        What the goal is about.
    target, better
        The goal, and whether ``higher`` or ``lower`` is better.
    start, end
        First and last day of the period.
    so_far
        The KPI over the part of the period that is known; missing if nothing is.
    days_known, days
        Days of the period that are known, and all of them.
    forecast, low, high
        The KPI expected for the whole period: median and 80% interval.
    probability
        Probability that the goal is met at the end of the period.
    summary
        The same in one sentence.
    n_so_far
        Answers, cases or contacts behind ``so_far`` of a share or mean; missing for counts and stocks.
    """

    kpi: str
    series: str
    target: float
    better: str
    start: pd.Timestamp
    end: pd.Timestamp
    so_far: float
    days_known: int
    days: int
    forecast: float
    low: float
    high: float
    probability: float
    summary: str
    n_so_far: float = float("nan")


def goal_outlook(
    history: pd.DataFrame,
    kpi: str,
    target: float,
    *,
    better: str | None = None,
    period: str = "MS",
    series: str = "all",
    draws: int = 4000,
    seed: int = 0,
) -> GoalOutlook:
    """Forecast a goal: its value to date, its expected value, and the chance to meet it.

    The rest of the period is drawn many times from whole weeks of the last twelve, moved by how uncertain the level of
    those weeks is and by how far it usually moves in such a time.

    Parameters
    ----------
    history
        Daily rows of :func:`kpi_history`: ``kpi``, segments, ``ds``, ``value``, and ``n`` and ``numerator`` for shares.
    kpi
        KPI of the goal.
    target
        Value to reach: the sum over the period for counts, the share or case-weighted mean for others, the last day
        for a stock.
    better
        ``higher`` or ``lower``; by the catalogue, else by default ``higher``.
    period
        ``W``, ``MS``, ``QS`` or ``YS``: the one that holds the day after the last known one.
    series
        Series of the goal, as in :func:`detect_shifts`.
    draws, seed
        Number of draws, and their seed.

    Returns
    -------
    GoalOutlook
        Its ``probability`` is missing where fewer than four weeks are known.

    Raises
    ------
    InputError
        If the KPI or series is not in the history, or an argument is not of its choices.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-05-20")
    >>> hits = 80.0 + np.arange(len(days)) * 7919 % 11
    >>> history = pd.DataFrame({"kpi": "on_time", "ds": days, "value": hits / 100, "n": 100.0, "numerator": hits})
    >>> outlook = goal_outlook(history, "on_time", 0.9)
    >>> round(outlook.so_far, 2), round(outlook.forecast, 2), outlook.probability, outlook.days_known
    (0.85, 0.85, 0.0, 20)
    """
    check_columns(history, ("kpi", "ds", "value"), "history")
    history, _ = select_known_columns(history)
    rows = history[history["kpi"] == kpi]
    rows = rows[segment_names(rows) == series] if len(rows) else rows
    if rows.empty:
        known = ", ".join(sorted(history["kpi"].astype(str).unique())[:8])
        raise InputError(
            "unknown KPI or series", got=f"{kpi}, {series}", hint=f"the history has {known}", code="kpi.unknown"
        )
    way = better_direction(kpi, better)
    frame = _daily(rows, kind := infer_kpi_kind(kpi, rows))
    start, end = find_period(frame.index[-1] + pd.Timedelta(days=1), period)
    inside = frame[frame.index >= start]
    ahead = (end - max(frame.index[-1], start - pd.Timedelta(days=1))).days
    so_far = _total(inside, kind)
    totals = _simulate_totals(frame, inside, kind, ahead, draws, np.random.default_rng(seed))
    if totals is None:
        low = middle = high = probability = float("nan")
    else:
        low, middle, high = (float(q) for q in np.quantile(totals, [0.1, 0.5, 0.9]))
        probability = float((way * (totals - target) >= 0).mean())
    words = _words(kpi, target, way, so_far, middle, probability, end)
    days = (end - start).days + 1
    place = (start, end, so_far, len(inside), days)
    named = "higher" if way > 0 else "lower"
    behind = float("nan") if kind in ("count", "stock") else float(inside["bottom"].sum())
    return GoalOutlook(kpi, series, float(target), named, *place, middle, low, high, probability, words, behind)


def goal_value(history: pd.DataFrame, kpi: str, start: pd.Timestamp, end: pd.Timestamp) -> float:
    """Return the value of a KPI over a period, as a goal is judged by it; missing where nothing of it is known.

    Parameters
    ----------
    history, kpi
        As in :func:`goal_outlook`; one series.
    start, end
        First and last day.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> history = pd.DataFrame({"kpi": "cases_resolved", "ds": days, "value": [5.0, 6.0, 7.0]})
    >>> goal_value(history, "cases_resolved", days[1], days[2])
    13.0
    """
    history, _ = select_known_columns(history)
    rows = history[history["kpi"] == kpi]
    inside = rows[(rows["ds"] >= start) & (rows["ds"] <= end)]
    if not inside["value"].notna().any():
        return float("nan")
    kind = infer_kpi_kind(kpi, rows)
    return _total(_daily(inside, kind), kind)


def goal_outlooks(history: pd.DataFrame, goals: pd.DataFrame) -> pd.DataFrame:
    """Return the outlook of several goals, one row each.

    Parameters
    ----------
    history
        As in :func:`goal_outlook`.
    goals
        ``kpi`` and ``target``, and optionally ``better``, ``period`` and ``series``.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-05-20")
    >>> history = pd.DataFrame({"kpi": "cases_resolved", "ds": days, "value": 10.0})
    >>> goals = pd.DataFrame({"kpi": ["cases_resolved"], "target": [250.0], "period": ["MS"]})
    >>> goal_outlooks(history, goals)[["forecast", "probability"]].values.tolist()
    [[310.0, 1.0]]
    """
    check_columns(goals, ("kpi", "target"), "goals")
    found = []
    for goal in goals.to_dict("records"):
        more = {str(c): goal[c] for c in ("better", "period", "series") if c in goal and pd.notna(goal[c])}
        found.append(vars(goal_outlook(history, str(goal["kpi"]), float(goal["target"]), **more)))
    return pd.DataFrame(found, columns=list(GoalOutlook.__dataclass_fields__))


def better_direction(kpi: str, better: str | None) -> int:
    """Return 1 where higher is better and -1 where lower is: as given, else by the catalogue.

    >>> better_direction("csat", None), better_direction("resolution_time", None), better_direction("own", "lower")
    (1, -1, -1)
    """
    if better is None:
        entry = find_kpi(kpi)
        down = entry is not None and (entry.better or ("lower" if entry.kind == "duration" else "")) == "lower"
        return -1 if down else 1
    if better not in ("higher", "lower"):
        raise InputError(
            "not a valid direction",
            where="argument 'better'",
            got=better,
            wanted="higher or lower",
            code="value.unknown",
        )
    return 1 if better == "higher" else -1


def _daily(rows: pd.DataFrame, kind: KpiKind) -> pd.DataFrame:
    """Return ``top`` and ``bottom`` by day: what is summed up, and what it is divided by."""
    value = numbers_of(rows["value"])
    n = numbers_of(rows["n"]) if "n" in rows else np.full(len(rows), np.nan)
    n = np.where(np.isnan(n), 1.0, n)
    if kind == "share":
        exact = numbers_of(rows["numerator"]) if "numerator" in rows else value * n
        top, bottom = np.where(np.isnan(exact), value * n, exact), n
    elif kind in ("count", "stock"):
        top, bottom = value, np.ones_like(value)
    else:
        mean = numbers_of(rows["mean"]) if "mean" in rows else value
        mean = np.where(np.isnan(mean), value, mean)
        top, bottom = mean * n, n
    lost = np.isnan(top)
    frame = pd.DataFrame({"top": np.where(lost, 0, top), "bottom": np.where(lost, 0, bottom)}, index=rows["ds"])
    frame = frame.groupby(level=0).sum().sort_index().asfreq("D", fill_value=0.0)
    if kind == "stock":  # on a day that is not known it stands where it last did, and not at 0
        frame["top"] = frame["top"].where(frame["bottom"] > 0).ffill().fillna(0.0)
    return frame


def find_period(day: pd.Timestamp, period: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day of the period that holds a day.

    >>> [f"{day:%Y-%m-%d}" for day in find_period(pd.Timestamp("2026-02-14"), "QS")]
    ['2026-01-01', '2026-03-31']
    """
    names = {"W": "W", "MS": "M", "QS": "Q", "YS": "Y"}
    wanted = _PERIOD_ALIASES.get(period, period)
    if wanted not in names:
        raise InputError(
            "not a valid period",
            where="argument 'period'",
            got=period,
            wanted="W, MS, QS or YS",
            code="frequency.invalid",
        )
    span = day.to_period(names[wanted])
    return span.start_time.normalize(), span.end_time.normalize()


def _total(frame: pd.DataFrame, kind: KpiKind) -> float:
    if kind == "count":
        return float(frame["top"].sum())
    if kind == "stock":
        return float(frame["top"].iloc[-1]) if len(frame) else float("nan")
    return float(frame["top"].sum() / frame["bottom"].sum()) if frame["bottom"].sum() > 0 else float("nan")


def _simulate_totals(
    frame: pd.DataFrame, inside: pd.DataFrame, kind: KpiKind, ahead: int, draws: int, rng: np.random.Generator
) -> Floats | None:
    """Draw the KPI of the whole period."""
    weeks = min(len(frame) // 7, _MAX_WEEKS)
    if weeks < _MIN_WEEKS:
        return None
    last = frame.iloc[-7 * weeks :]
    top = last["top"].to_numpy().reshape(weeks, 7)
    bottom = last["bottom"].to_numpy().reshape(weeks, 7)
    if kind == "stock":
        steps = np.diff(frame["top"].to_numpy()[-7 * weeks - 1 :])
        blocks = rng.integers(0, max(len(steps) - 6, 1), (draws, -(-ahead // 7)))
        paths = steps[blocks[..., None] + np.arange(min(7, len(steps)))].reshape(draws, -1)[:, :ahead]
        return np.asarray(np.maximum(float(frame["top"].iloc[-1]) + paths.sum(axis=1), 0.0), dtype=np.float64)
    number = -(-ahead // 7)
    chosen = rng.integers(0, weeks, (draws, number))
    tops = top[chosen].reshape(draws, -1)[:, :ahead].sum(axis=1)
    bottoms = bottom[chosen].reshape(draws, -1)[:, :ahead].sum(axis=1)
    shift = rng.standard_t(weeks - 1, draws) * _level_error(top, bottom, kind, number)
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "count":
            return np.asarray(inside["top"].sum() + np.maximum(tops * np.exp(shift), 0.0))
        rate = tops / bottoms
        if kind == "share":
            odds = np.clip(rate, 1e-6, 1 - 1e-6) / (1 - np.clip(rate, 1e-6, 1 - 1e-6)) * np.exp(shift)
            moved = np.where((rate > 0) & (rate < 1), odds / (1 + odds), rate)
        else:
            moved = rate * np.exp(shift) if kind == "duration" else rate + shift
        total = inside["top"].sum() + np.where(bottoms > 0, moved * bottoms, 0.0)
        out = total / (inside["bottom"].sum() + bottoms)
    return out[np.isfinite(out)] if np.isfinite(out).any() else None


def _level_error(top: Floats, bottom: Floats, kind: KpiKind, number: int) -> float:
    """Return by how much the level of the weeks to come may lie off: its own error, and how far it wanders.

    On the scale of logarithms (counts, durations), log odds (shares) or the values themselves.
    """
    sums, sizes = top.sum(axis=1), bottom.sum(axis=1)
    weeks = len(sums)
    if kind == "count":
        level = np.log(sums + 0.5)
    elif kind == "share":
        level = np.log((sums + 0.5) / (sizes - sums + 0.5))
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(sizes > 0, sums / sizes, np.nan)
        mean = mean[np.isfinite(mean)]
        level = np.log(np.maximum(mean, 1e-9)) if kind == "duration" else mean
    if len(level) < _MIN_WEEKS:
        return 0.0
    noise = float(np.var(level, ddof=1))
    # a level that wanders makes far weeks differ more than near ones: half the squared steps know only the near ones
    near = float(np.mean(np.diff(level) ** 2) / 2)
    wander = max(noise - near, 0.0) * 6 / max(weeks, 1)  # of a random walk: its variance gained in one week
    return float(np.sqrt(noise / weeks + wander * (weeks / 3 + number / 3)))


def _words(kpi: str, target: float, way: int, so_far: float, middle: float, chance: float, end: pd.Timestamp) -> str:
    """Write a goal in one sentence, in the units of the history.

    >>> _words("first_response_time", 3600, -1, 3000, 3100, 0.9, pd.Timestamp("2024-03-31"))
    'First response time, at most 3,600 by 2024-03-31: 90% chance; expected 3,100, 3,000 to date.'
    """
    name = kpi.replace("_", " ")
    goal = f"{name[:1].upper()}{name[1:]}, {'at least' if way > 0 else 'at most'} {target:,.4g} by {end:%Y-%m-%d}"
    if not np.isfinite(chance):
        return f"{goal}: too little data for a forecast."
    here = f", {so_far:,.4g} to date" if np.isfinite(so_far) else ""
    likely = "over 99%" if chance > 0.995 else "under 1%" if chance < 0.005 else f"{chance:.0%}"
    return f"{goal}: {likely} chance; expected {middle:,.4g}{here}."

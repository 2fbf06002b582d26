"""Series that are not counts: shares, durations and stocks, forecast with intervals that stay where they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from ...features.arrays import Bools, Floats, Ints
from ...features.plugins import PluginError
from ...features.renamed import with_old_attributes
from ..methods.own_methods import find_unsaid
from ..methods.registry import NAIVE_METHODS
from .fold_table import find_cutoffs, join_folds, lay_out
from .folds import find_past_origins, name_failed
from .intervals import ErrorDistribution, calibrate_intervals, probabilities
from .kinds import (
    CANDIDATE_METHODS,
    KindForecasts,
    KindPanel,
    forecast_kind_at,
    from_error_scale,
    kind_panel,
    to_error_scale,
)
from .losses import mase_scale
from .request import ForecastRequest

#: Past origins without which the simplest way is kept.
MIN_ORIGINS = 3

#: Days of values after which a series has a spread of its own where no past error is known.
PRIOR_DAYS = 10.0


@dataclass(frozen=True)
class KindFold:
    """What is forecast at an origin: forecasts and N x H x K quantiles by column, the way chosen, past origins."""

    origin: int
    points: dict[str, Floats]
    edges: dict[str, Floats]
    chosen: str
    origins: int
    failed: dict[str, PluginError] = field(default_factory=dict)


def kind_fold(panel: KindPanel, origin: int, request: ForecastRequest, shown: Sequence[str] = ()) -> KindFold:
    """Forecast at an origin, by the way with the least error at the origins before, with intervals from these.

    Methods in ``shown`` stand beside the recommended forecast and the naive ones.
    """
    horizon, windows, levels = request.horizon, request.windows, request.levels
    now = forecast_kind_at(panel, origin, horizon)
    past = [o for o in find_past_origins(panel.grid.frequency, origin, horizon, windows) if o >= origin / 3]
    targets = np.array(past, dtype=np.int64)[:, None] + np.arange(horizon)
    came = panel.grid.came(targets)
    cases = panel.n[:, targets].transpose(1, 0, 2) if panel.n is not None and past else None
    then = [forecast_kind_at(panel, o, horizon) for o in past]
    before = {way: np.stack([each.points[way] for each in then]) for way in now.points} if past else {}
    failed = _find_failed(panel, now, then)
    name_failed(failed, request.candidates)
    ways = [way for way in panel.candidates(now.points) if way not in failed]
    chosen = _choose(came, before, cases, ways) if past else ways[0]
    beside = {name: name for name in (*NAIVE_METHODS, *shown) if name not in failed}
    points = {name: now.points[way] for name, way in {"deskcast": chosen, **beside}.items()}
    days = panel.grid.days(targets)
    edges = {}
    for name, way in {"deskcast": chosen, **beside}.items():
        error = to_error_scale(panel.kind, came) - to_error_scale(panel.kind, before[way]) if past else came
        edges[name] = _edges(panel, now, points[name], np.where(np.isfinite(error), error, np.nan), cases, days, levels)
    return KindFold(origin, points, edges, chosen, len(past), failed)


def _find_failed(panel: KindPanel, now: KindForecasts, then: list[KindForecasts]) -> dict[str, PluginError]:
    """Return the users' methods that failed at any origin, or say nothing of what has to be forecast now."""
    failed = {name: error for each in [now, *then] for name, error in each.failed.items()}
    wanted = ~np.isnan(now.points[NAIVE_METHODS[0]])
    unsaid = {name: find_unsaid(name, point, wanted, panel.grid.ids) for name, point in now.points.items()}
    return {name: error for name, error in unsaid.items() if error is not None} | failed


def _choose(came: Floats, before: dict[str, Floats], cases: Floats | None, ways: list[str]) -> str:
    """Choose the way with the least error that is better than the simplest one beyond noise."""
    weight = np.where(np.isnan(came), 0.0, 1.0 if cases is None else np.nan_to_num(cases))
    scale = np.sqrt((weight * np.nan_to_num(came) ** 2).sum(axis=(0, 2)) / np.maximum(weight.sum(axis=(0, 2)), 1e-12))
    loss = {}
    for way in ways:
        # who says nothing at an earlier origin gains nothing there
        said = np.where(np.isnan(before[way]), before[ways[0]], before[way])
        miss = np.abs(np.nan_to_num(came - said)) * weight / np.where(scale > 0, scale, 1.0)[:, None]
        loss[way] = miss.sum(axis=(1, 2)) / max(float(weight.sum()) / len(came), 1e-12)
    first, best, least = loss[ways[0]], ways[0], 0.0
    for way in ways[1:]:
        gain = loss[way] - first
        if len(gain) >= MIN_ORIGINS and gain.sum() < min(least, -float(np.sqrt(len(gain)) * gain.std(ddof=1))):
            best, least = way, float(gain.sum())
    return best


def _edges(
    panel: KindPanel,
    now: KindForecasts,
    point: Floats,
    error: Floats,
    cases: Floats | None,
    days: Ints,
    levels: Sequence[float],
) -> Floats:
    """Return quantiles around a forecast, inside the bounds of the kind."""
    lead = np.arange(1.0, error.shape[2] + 1.0)
    grows = panel.kind == "stock"
    of_past = (
        np.broadcast_to(lead, error.shape) if grows else 1.0 / np.maximum(cases, 0.5) if cases is not None else None
    )
    of_now = (
        np.broadcast_to(lead, point.shape)
        if grows
        else 1.0 / now.n
        if now.n is not None and cases is not None
        else None
    )
    size, ahead = np.ones(error.shape), np.ones(point.shape)
    if of_past is not None and of_now is not None:
        part, rest = variance_shares(error, of_past)
        size, ahead = np.sqrt(part * np.nan_to_num(of_past, nan=1.0) + rest), np.sqrt(part * of_now + rest)
    alone = np.zeros(len(point), dtype=np.int64)
    if np.isnan(error).all():
        bands, ahead = _without_errors(panel, levels), np.ones(point.shape)
    else:
        bands = calibrate_intervals(error / size, alone, days, np.ones(len(point)), levels)
    middle = to_error_scale(panel.kind, point)
    edges = middle[:, :, None] + (ahead * bands.sigma[:, None])[:, :, None] * bands.quantiles[:, None, :]
    k = edges.shape[2] // 2
    edges[:, :, :k] = np.minimum(edges[:, :, :k], middle[:, :, None])
    edges[:, :, k:] = np.maximum(edges[:, :, k:], middle[:, :, None])
    return from_error_scale(panel.kind, edges)


def variance_shares(error: Floats, of: Floats) -> tuple[float, float]:
    """Return how much of the squared errors goes with one over the cases, or the lead, and how much does not."""
    known = ~np.isnan(error) & np.isfinite(of)
    if known.sum() < 20:
        return 0.0, 1.0
    square, x = error[known] ** 2, of[known]
    square = np.minimum(square, 9 * square.mean())
    # groups of like size, so that no wild error leads
    order = np.argsort(x, kind="stable")
    parts = np.array_split(order, min(20, len(order) // 5))
    table = np.array([[x[p].mean(), 1.0] for p in parts])
    mean = np.array([square[p].mean() for p in parts])
    part, rest = nnls(table / mean[:, None].clip(1e-12), np.ones(len(parts)))[0] if (mean > 0).all() else (0.0, 1.0)
    return (float(part), float(rest)) if part + rest > 0 else (0.0, 1.0)


def _without_errors(panel: KindPanel, levels: Sequence[float]) -> ErrorDistribution:
    """Take the spread of the values themselves where no past error is known."""
    values = to_error_scale(panel.kind, panel.grid.y)
    values = np.where(np.isfinite(values), values, np.nan)
    count = (~np.isnan(values)).sum(axis=1)
    mean = np.nansum(values, axis=1) / np.maximum(count, 1)
    own = np.sqrt(np.nansum((values - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1))
    several = own[count > 1]
    common = float(np.median(several)) if len(several) else {"rate": 0.25, "duration": 0.7}.get(panel.kind, 1.0)
    sigma = (count * own + PRIOR_DAYS * max(common, 0.05)) / (count + PRIOR_DAYS)
    normal = np.array([NormalDist().inv_cdf(q) for q in probabilities(levels)])
    return ErrorDistribution(sigma, np.tile(normal, (len(own), 1)), 0)


def forecast_kind(history: pd.DataFrame, request: ForecastRequest) -> pd.DataFrame:
    """Forecast shares, durations or stocks, with intervals that stay where such values can be.

    The forecast is made by the ways of :func:`deskcast.forecasting.forecast`; of a share whose ``n`` is known also as
    the forecast of the numerator over that of the denominator; of a stock also as the last value carried on along the
    usual week. Past errors are pooled on the scale of angles (shares), logs (durations) or roots (stocks), where they
    do not depend on the level; they shrink with ``n`` and, for stocks, grow with the lead, as far as past errors did.

    Parameters
    ----------
    history
        ``unique_id``, ``ds``, ``y`` and, where known, ``n``: how many cases the value stands for. Missing is not 0.
    request
        Its ``kind`` is ``rate`` (within ``bounds``: (0, 1), or such as (1, 5) for scores and (-100, 100) for a promoter
        score), ``duration`` (above 0) or ``stock`` (0 or more).

    Returns
    -------
    As :func:`deskcast.forecasting.forecast`; a closed slot has no share and no duration (NaN).

    Raises
    ------
    InputError
        If no series can be used; a series with a value that its kind cannot have is left out and named.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120, freq="D")
    >>> share = pd.DataFrame({"unique_id": "all", "ds": days, "y": 0.9 + 0.05 * np.sin(np.arange(120.0)), "n": 40})
    >>> ahead = forecast_kind(share, ForecastRequest(7, "D", kind="rate"))
    >>> bool(ahead["deskcast"].between(0.85, 0.95).all()), bool((ahead["deskcast-hi-95"] <= 1).all())
    (True, True)
    """
    panel = kind_panel(history, request)
    fold = kind_fold(panel, panel.grid.length, request)
    table = _table(panel, fold, request.levels)
    notes = [*panel.notes, *(f"left out: {error}" for error in fold.failed.values())]
    if fold.origins < request.windows:
        notes.append(
            f"intervals rest on {fold.origins} past origins instead of {request.windows}: the history is short"
        )
    attrs = {"notes": notes, "model": fold.chosen, "request": request.facts, **panel.reading}
    table.attrs = with_old_attributes(attrs, "forecast")
    return table


def _has_forecast(fold: KindFold) -> Bools:
    return np.asarray(~np.isnan(fold.points["deskcast"]).all(axis=1), dtype=bool)


def _table(panel: KindPanel, fold: KindFold, levels: Sequence[float]) -> pd.DataFrame:
    """Lay out a fold as a long frame."""
    stamps = panel.grid.stamps(fold.origin, fold.origin + fold.points["deskcast"].shape[1])
    made = {name: (panel.unscaled(point), panel.unscaled(fold.edges[name])) for name, point in fold.points.items()}
    return lay_out(panel.grid.ids, stamps, made, _has_forecast(fold), levels)


def backtest_kind(
    history: pd.DataFrame, request: ForecastRequest, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Forecast the past from rolling origins, as :func:`forecast_kind` would have done it then.

    Returns
    -------
    As :func:`deskcast.forecasting.backtest`; the leaderboard takes it.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=150, freq="D")
    >>> time = pd.DataFrame({"unique_id": "all", "ds": days, "y": 300.0 + np.arange(150) % 7})
    >>> backtest_kind(time, ForecastRequest(7, "D", windows=4, kind="duration"))["cutoff"].nunique()
    4
    """
    horizon = request.horizon
    panel = kind_panel(history, request)
    origins, said = find_cutoffs(panel.grid, horizon, request.windows)
    frames, chosen = [], {}
    failed: dict[str, PluginError] = {}
    shown = [name for name in panel.methods if not panel.free or name not in CANDIDATE_METHODS]
    for done, origin in enumerate(origins, 1):
        fold = kind_fold(panel, origin, request, [name for name in shown if name not in NAIVE_METHODS])
        failed |= fold.failed
        table = _table(panel, fold, request.levels)
        came = panel.unscaled(panel.grid.y[:, origin : origin + horizon])[_has_forecast(fold)].ravel()
        table.insert(2, "cutoff", panel.grid.stamps(origin - 1, origin)[0].astype("datetime64[us]"))
        table.insert(3, "y", came)
        frames.append(table[~np.isnan(came) & table["deskcast"].notna()])
        chosen[str(pd.Timestamp(table["cutoff"].iloc[0]))] = fold.chosen
        if progress is not None:
            progress(done, len(origins))
    folds = join_folds(frames, failed)
    scale = mase_scale(panel.unscaled(panel.grid.y[:, : origins[0]]), panel.grid.frequency.season)
    attrs = {
        "notes": [*panel.notes, *said, *(f"left out: {error}" for error in failed.values())],
        "chosen": chosen,
        **panel.reading,
        "mase_scale": {name: float(s) for name, s in zip(panel.grid.ids, scale, strict=True)},
    }
    folds.attrs = with_old_attributes(attrs, "forecast")
    return folds

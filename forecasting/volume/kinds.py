"""Shares, durations and stocks on a grid, what can be forecast of them, and the scale on which errors are alike."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ..grid.grid import Grid
from ..grid.profile import cut_seasons
from ..grid.special_days import SpecialDays
from ..methods.registry import FORECAST_METHODS
from ..methods.scene import build_scene
from .method_forecasts import MethodForecasts, forecast_all_methods
from .request import ForecastRequest

#: What a series can be.
KINDS = ("count", "rate", "duration", "stock")

#: Methods that a series of another kind may be forecast by, the simplest first.
CANDIDATE_METHODS = ("same_slot", "core", "seasonal_naive", "recent_level")


@dataclass(frozen=True)
class KindPanel:
    """A panel of one kind.

    Attributes
    ----------
    kind, low, high
        What it is, and its bounds (rates).
    grid, special
        Values on the scale from 0 to 1 (rates) or as they are.
    n
        N x T; how many cases each value stands for, or nothing.
    parts
        Grids of numerator and denominator of a rate whose ``n`` is known.
    seen
        Forecasts by origin.
    """

    kind: str
    low: float
    high: float
    grid: Grid
    special: SpecialDays
    n: Floats | None
    parts: tuple[Grid, Grid] | None
    notes: tuple[str, ...]
    rejected: tuple[dict[str, object], ...]
    seen: dict[int, KindForecasts] = field(default_factory=dict)


@dataclass(frozen=True)
class KindForecasts:
    """Forecasts of every way at one origin, N x H, and how many cases each value ahead will stand for."""

    points: dict[str, Floats]
    n: Floats | None


def to_error_scale(kind: str, x: Floats) -> Floats:
    """Return values on the scale of their errors: angle of a share, log of a duration, root of a stock.

    >>> to_error_scale("rate", np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 1.5708]
    """
    if kind == "rate":
        return np.arcsin(np.sqrt(np.clip(x, 0.0, 1.0)))
    with np.errstate(divide="ignore"):
        return np.log(x) if kind == "duration" else np.sqrt(np.maximum(x, 0.0))


def from_error_scale(kind: str, z: Floats) -> Floats:
    """Return values from the scale of their errors, the inverse of :func:`to_error_scale`."""
    if kind == "rate":
        share: Floats = np.sin(np.clip(z, 0.0, np.pi / 2)) ** 2
        return share
    return np.exp(z) if kind == "duration" else np.maximum(z, 0.0) ** 2


def kind_panel(history: pd.DataFrame, request: ForecastRequest) -> KindPanel:
    """Put series of one kind on a grid; those with impossible values are left out and named."""
    kind, bounds = request.kind, request.bounds
    if kind not in KINDS:
        raise InputError(
            "unknown kind of series", column="kind", got=kind, hint=did_you_mean(kind, KINDS), code="series.unknown"
        )
    low, high = (float(bounds[0]), float(bounds[1])) if kind == "rate" else (0.0, np.inf)
    if not low < high:
        raise InputError(
            "the bounds are not in order", column="bounds", got=bounds, wanted="such as (0, 1)", code="value.range"
        )
    if not isinstance(history, pd.DataFrame):
        raise InputError(
            "the history must be a frame", got=type(history).__name__, wanted="unique_id, ds, y", code="history.short"
        )
    kept, refused = _drop_impossible(history, kind, low, high)
    scaled = kept.assign(y=(kept["y"] - low) / (high - low)) if kind == "rate" else kept
    if kind == "stock":  # it is there at night, too
        request = replace(request, calendar=None, outages=None)
    grid, special, said = request.panel(scaled, find=False)
    n, parts = None, None
    if "n" in kept.columns and kind != "stock":
        usable = scaled[scaled["unique_id"].astype(str).isin(grid.ids)]
        weight = pd.to_numeric(usable["n"], errors="coerce").where(usable["y"].notna() | (usable["n"] == 0))
        bare = replace(request, outages=None, holidays=None, events=None)
        count = bare.grid(usable.assign(y=weight), find=False)
        n = count.y
        if kind == "rate":
            part = (usable["y"].where(weight > 0, 0.0) * weight).where(weight.notna())
            parts = (bare.grid(usable.assign(y=part), find=False), count)
    notes = tuple(f"series '{row['unique_id']}' is left out: {row['reason']}" for row in refused[:10])
    more = tuple({"unique_id": r.unique_id, "row": r.row, "reason": r.reason} for r in grid.rejected)
    return KindPanel(kind, low, high, grid, special, n, parts, (*notes, *said), (*refused, *more))


def _drop_impossible(
    history: pd.DataFrame, kind: str, low: float, high: float
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Leave out series with a value that its kind cannot have."""
    if "y" not in history.columns or "unique_id" not in history.columns:
        return history, []
    y = pd.to_numeric(history["y"], errors="coerce")
    wanted = f"from {low:g} to {high:g}" if kind == "rate" else "above 0"
    bad = (y < low) | (y > high) if kind == "rate" else (y <= 0 if kind == "duration" else y < 0)
    if "n" in history.columns:
        bad |= pd.to_numeric(history["n"], errors="coerce") < 0
    if not bad.any():
        return history, []
    rows = np.flatnonzero(bad.to_numpy())
    refused: dict[str, dict[str, object]] = {}
    for row in rows:
        name = str(history["unique_id"].iloc[row])
        if name not in refused:
            error = InputError(
                f"a {kind} cannot have this value", where=f"series '{name}'", column="y", row=int(row) + 1,
                got=history["y"].iloc[row], wanted=wanted,
                code="value.range",
            )  # fmt: skip
            refused[name] = {"unique_id": name, "row": int(row) + 1, "reason": str(error), "error": error}
    kept = history[~history["unique_id"].astype(str).isin(list(refused))]
    if kept.empty:
        first = next(iter(refused.values()))["error"]
        raise first if isinstance(first, InputError) else InputError("no series can be used", code="rows.none")
    return kept, [{k: v for k, v in row.items() if k != "error"} for _, row in sorted(refused.items())]


def forecast_kind_at(panel: KindPanel, origin: int, horizon: int) -> KindForecasts:
    """Forecast in every way from the values before the origin; NaN where nothing is known."""
    if origin in panel.seen:
        return panel.seen[origin]
    ways = [way for way in CANDIDATE_METHODS if way in FORECAST_METHODS]
    plain = forecast_all_methods(panel.grid, panel.special, origin, horizon, ways)
    is_open = panel.grid.is_open[:, origin : origin + horizon]
    # a slot that was never told is not one in which the value is 0
    season = panel.grid.frequency.season
    told = ~np.isnan(cut_seasons(panel.grid.y, origin, season)).all(axis=1)[:, np.arange(horizon) % season]
    unknown = plain.quiet & is_open & ~told
    points = {way: np.where(is_open, _fill_unknown_slots(plain.points[way], unknown), np.nan) for way in ways}
    n = None
    if panel.n is not None:
        counted = panel.parts[1] if panel.parts else None
        n = _recent_n(panel.n, origin, horizon, panel.grid.frequency.season)
        if panel.parts is not None and counted is not None:
            top = forecast_all_methods(panel.parts[0], panel.special, origin, horizon, ways)
            bottom = forecast_all_methods(counted, panel.special, origin, horizon, ways)
            points |= {f"{way} of parts": _ratio(top, bottom, way, points[way]) for way in ways}
    if panel.kind == "stock":
        points["carried on"] = _carry_last_value(panel, origin, horizon)
    if panel.kind == "rate":
        points = {way: np.clip(p, 0.0, 1.0) for way, p in points.items()}
    if panel.kind == "duration":
        least = _least(panel.grid.y[:, :origin])
        points = {way: np.maximum(p, least[:, None]) for way, p in points.items()}
    panel.seen[origin] = KindForecasts(points, n)
    return panel.seen[origin]


def _fill_unknown_slots(point: Floats, unknown: npt.NDArray[np.bool_]) -> Floats:
    """Forecast slots of which nothing is known by the mean of the others."""
    if not unknown.any():
        return point
    count = np.maximum((~unknown).sum(axis=1), 1)
    mean = np.where(unknown, 0.0, np.nan_to_num(point)).sum(axis=1) / count
    return np.where(unknown, mean[:, None], point)


def _recent_n(n: Floats, origin: int, horizon: int, season: int) -> Floats:
    """Return how many cases a value ahead will stand for: the mean of the last same slots, at least one half."""
    cut = n[:, max(0, origin - 8 * season) : origin][:, ::-1]
    out = np.empty((len(n), min(season, horizon)))
    whole = np.array([_mean(row) for row in cut])
    for place in range(out.shape[1]):
        same = cut[:, (season - 1 - place) % season :: season]
        mean = np.array([_mean(row) for row in same])
        out[:, place] = np.where(np.isnan(mean), whole, mean)
    return np.maximum(np.nan_to_num(np.take(out, np.arange(horizon) % season, axis=1), nan=1.0), 0.5)


def _mean(row: Floats) -> float:
    known = row[~np.isnan(row)]
    return float(known.mean()) if len(known) else float("nan")


def _ratio(top: MethodForecasts, bottom: MethodForecasts, way: str, otherwise: Floats) -> Floats:
    """Divide the forecast of the numerator by that of the denominator."""
    low = bottom.points[way]
    return np.where(low > 0, top.points[way] / np.where(low > 0, low, 1.0), otherwise)


def _carry_last_value(panel: KindPanel, origin: int, horizon: int) -> Floats:
    """Carry the last value on along the usual week."""
    scene = build_scene(panel.grid, panel.special, origin, horizon)
    past = panel.grid.y[:, :origin]
    known = ~np.isnan(past)
    place = origin - 1 - np.argmax(known[:, ::-1], axis=1)
    last = past[np.arange(len(past)), np.clip(place, 0, origin - 1)]
    season = panel.grid.frequency.season
    usual = scene.profile.mean
    then = usual[np.arange(len(usual)), (place - origin) % season]
    carried: Floats = np.maximum(last[:, None] + usual[:, scene.places] - then[:, None], 0.0)
    return carried


def _least(y: Floats) -> Floats:
    """Return half of the least value of each series."""
    least: Floats = np.where(np.isnan(y), np.inf, y).min(axis=1)
    half: Floats = np.where(np.isfinite(least), least, np.nan) / 2
    return half

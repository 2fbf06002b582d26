"""Shares, durations and stocks on a grid, what can be forecast of them, and the scale on which errors are alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.errors import InputError, did_you_mean
from ...features.frames import SERIES_COLUMNS, is_no_number, require_columns
from ...features.plugins import PluginError
from ..grid.grid import Grid
from ..grid.profile import cut_seasons
from ..grid.special_days import SpecialDays
from ..methods.own_methods import OwnMethod, own_methods
from ..methods.registry import ALL, AUTO
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
    methods
        What the forecast may be made of: methods of the house, and users' own; those without a name of the house
        (``carried on``) count as asked for where it was left to the forecast.
    free
        Whether it was left to the forecast.
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
    methods: tuple[str, ...] = CANDIDATE_METHODS
    free: bool = True
    seen: dict[int, KindForecasts] = field(default_factory=dict)

    @property
    def reading(self) -> dict[Any, Any]:
        """What could not be used of the history; see :attr:`deskcast.forecasting.grid.grid.Grid.reading`."""
        return self.grid.reading | {"rejected": list(self.rejected)}

    def unscaled(self, values: Floats) -> Floats:
        """Return values of the grid as they were given."""
        return self.low + values * (self.high - self.low) if self.kind == "rate" else values

    def scaled(self, values: Floats) -> Floats:
        """Return values on the scale of the grid."""
        return (values - self.low) / (self.high - self.low) if self.kind == "rate" else values

    def candidates(self, made: Iterable[str]) -> list[str]:
        """Return which forecasts, of those that were made, the recommended one may be."""
        wanted = {*self.methods, *(f"{name} of parts" for name in self.methods), *(["carried on"] if self.free else [])}
        return [way for way in made if way in wanted]


@dataclass(frozen=True)
class KindForecasts:
    """Forecasts of every way at one origin, N x H, how many cases each value ahead will stand for, and who failed."""

    points: dict[str, Floats]
    n: Floats | None
    failed: dict[str, PluginError] = field(default_factory=dict)


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
    kind = request.kind
    if kind not in KINDS:
        raise InputError(
            "unknown kind of series", column="kind", got=kind, hint=did_you_mean(kind, KINDS), code="series.unknown"
        )
    low, high = request.limits
    if not low < high:
        wanted = "such as (0, 1)"
        raise InputError(
            "the bounds are not in order", column="bounds", got=request.bounds, wanted=wanted, code="value.range"
        )
    require_columns(history, SERIES_COLUMNS, "history")
    methods, left_out = _kind_methods(request)
    kept, refused = _drop_impossible(history, kind, low, high)
    scaled = kept
    if kind == "rate":  # what is no number stays, to be named by its row
        share = (pd.to_numeric(kept["y"], errors="coerce") - low) / (high - low)
        clear = share.notna().equals(kept["y"].notna()) and not pd.api.types.is_bool_dtype(kept["y"].dtype)
        scaled = kept.assign(y=share if clear and not is_no_number(kept["y"]) else kept["y"])
    if kind == "stock":  # it is there at night, too
        request = replace(request, calendar=None, outages=None)
    grid, special, said = request.panel(scaled.drop(columns="n", errors="ignore"), find=False)
    n, parts = None, None
    if "n" in kept.columns and kind != "stock":
        usable = scaled[scaled["unique_id"].astype(str).isin(grid.ids)]
        weight = pd.to_numeric(usable["n"], errors="coerce").where(usable["y"].notna() | (usable["n"] == 0))
        bare = replace(request, outages=None, holidays=None, events=None)
        rows = usable[["unique_id", "ds"]]
        count = bare.grid(rows.assign(y=weight), find=False)
        n = count.y
        if kind == "rate":
            part = (usable["y"].where(weight > 0, 0.0) * weight).where(weight.notna())
            parts = (bare.grid(rows.assign(y=part), find=False), count)
    notes = tuple(f"series '{row['unique_id']}' is left out: {row['reason']}" for row in refused[:10])
    more = tuple({"unique_id": r.unique_id, "row": r.row, "reason": r.reason} for r in grid.rejected)
    free = AUTO in request.candidates or request.models == ALL
    notes = (*notes, *left_out, *said)
    return KindPanel(kind, low, high, grid, special, n, parts, notes, (*refused, *more), methods, free)


def _kind_methods(request: ForecastRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the methods that series of another kind may be forecast by, and a note on those that cannot."""
    asked = request.candidates
    free = AUTO in asked or request.models == ALL
    house = [name for name in CANDIDATE_METHODS if free or name in asked]
    own = [name for name in asked if isinstance(name, OwnMethod)]
    methods = tuple(dict.fromkeys([*house, *own, *(own_methods() if free else ())]))
    lost = [] if request.models == ALL else [name for name in asked if name not in (AUTO, *methods)]
    if not methods:
        wanted = f"{', '.join(CANDIDATE_METHODS)}, or a function"
        raise InputError(
            f"this forecasts counts only, not a {request.kind}",
            column="models",
            got=lost[0],
            wanted=wanted,
            code="model.unknown",
        )
    return methods, (f"left out, as they forecast counts only: {', '.join(lost)}",) if lost else ()


def _drop_impossible(
    history: pd.DataFrame, kind: str, low: float, high: float
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Leave out series with a value that its kind cannot have."""
    if pd.api.types.is_bool_dtype(history["y"].dtype) or is_no_number(history["y"]):
        return history, []  # named where its rows are read
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
    ways = list(CANDIDATE_METHODS)
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
    own, failed = _run_own_methods(panel, origin, horizon)
    points |= {name: np.where(is_open, np.maximum(point, 0.0), np.nan) for name, point in own.items()}
    if panel.kind == "rate":
        points = {way: np.clip(p, 0.0, 1.0) for way, p in points.items()}
    if panel.kind == "duration":
        least = _least(panel.grid.y[:, :origin])
        points = {way: np.maximum(p, least[:, None]) for way, p in points.items()}
    panel.seen[origin] = KindForecasts(points, n, failed)
    return panel.seen[origin]


def _run_own_methods(panel: KindPanel, origin: int, horizon: int) -> tuple[dict[str, Floats], dict[str, PluginError]]:
    """Forecast with users' methods, which see the values as they were given; say which failed."""
    own = [name for name in panel.methods if isinstance(name, OwnMethod)]
    points: dict[str, Floats] = {}
    failed: dict[str, PluginError] = {}
    if own:
        grid = replace(panel.grid, y=panel.unscaled(panel.grid.y))
        scene = replace(build_scene(grid, panel.special, origin, horizon), kind=panel.kind)
    for name in own:
        try:
            points[name] = panel.scaled(name.forecast(scene))
        except PluginError as error:
            points[name], failed[name] = np.full((len(panel.grid.ids), horizon), np.nan), error
    return points, failed


def _fill_unknown_slots(point: Floats, unknown: Bools) -> Floats:
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

"""A whole hierarchy forecast at once: every node by itself, made to add up, with intervals earned after that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from ...features.renamed import with_old_attributes
from ..grid.grid import Grid
from ..grid.slot_states import MISSING
from ..grid.special_days import SpecialDays
from ..volume.fold_table import find_cutoffs
from ..volume.folds import find_past_origins, forecast_fold
from ..volume.intervals import apply_intervals, assign_zero_tiers, calibrate_intervals, forecast_columns
from ..volume.issued import Issued
from ..volume.method_forecasts import MethodForecasts
from ..volume.request import ForecastRequest, Panel
from .reconcile import Hierarchy, add_up, check_reconciliation_method, hierarchy, reconcile_values

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


#: Days after which a leaf without values is taken to have ended, so that its sums go on without it.
ENDED_DAYS = 28

#: Past errors of a node that count as those of its level, in the variances of ``method="variance"``.
PRIOR_ERRORS = 20.0


@dataclass(frozen=True)
class _Panel:
    """The nodes of one level: their rows in the hierarchy, their grid, and forecasts made so far by origin."""

    rows: Ints
    grid: Grid
    special: SpecialDays
    seen: dict[int, MethodForecasts] = field(default_factory=dict)


@dataclass(frozen=True)
class _Node:
    """All nodes at one origin: M x H forecasts and M x H x K quantiles, before and after they add up."""

    base: Floats
    base_edges: Floats
    point: Floats
    edges: Floats
    models: dict[str, str]


def forecast_hierarchy(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    by: Sequence[str],
    groups: Sequence[Sequence[str]] | None = None,
    method: str = "wls",
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    windows: int = 12,
    since: object = None,
    until: object = None,
    outages: object = None,
    regressors: object = None,
) -> pd.DataFrame:
    """Forecast every leaf and every sum of a panel, so that sums are exactly the sums of their leaves.

    Each level is a panel of its own, with a method of its own. The forecasts at the end and those at the past origins
    are made to add up in the same way, and the intervals of every node come from the errors that its forecasts made
    after that.

    Parameters
    ----------
    history, horizon, freq, levels, calendar, holidays, events, windows, since, until, outages, regressors
        As in :func:`deskcast.forecasting.forecast`; the rows of the leaves, named by their segments joined by ``/``.
        A calendar, an outage or a regressor of some leaves holds for these alone.
    by
        Columns that the leaves are split by.
    groups
        Columns of each level of sums; by default all combinations of ``by``. The total always stands.
    method
        ``wls`` (structural least squares, not below 0), ``variance`` (the same with the variances of past errors in
        place of the number of leaves) or ``bottom_up``.

    Returns
    -------
    ``node`` (such as ``channel=phone``), ``level``, ``unique_id``, ``ds``, ``deskcast`` with its quantiles, and
    ``base``: the forecast of the node by itself. Sums first, then leaves, by time. ``attrs`` carries ``notes``,
    ``model`` (method by level) and ``rejected``.

    Raises
    ------
    InputError
        As in :func:`deskcast.forecasting.forecast`, and if a name does not fit ``by``.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=84, freq="D")
    >>> leaf = lambda name, size: pd.DataFrame({"unique_id": name, "ds": days, "y": size + np.arange(84) % 7})
    >>> ahead = forecast_hierarchy(pd.concat([leaf("chat", 10), leaf("phone", 50)]), 7, "D", by=["channel"])
    >>> ahead.groupby("node", sort=False)["deskcast"].sum().round(-1).to_dict()
    {'total': 460.0, 'channel=chat': 90.0, 'channel=phone': 370.0}
    """
    known = (calendar, holidays, events, windows, since, until, outages)
    request = ForecastRequest(horizon, freq, levels, *known, regressors=regressors)
    check_reconciliation_method(method)
    leaves = request.panel(history)
    grid = leaves.grid
    tree = hierarchy(grid.ids, by, groups)
    panels, more = _panels(tree, leaves, request)
    now = _node_at(tree, panels, grid.length, request, method)
    table = _table(tree, grid, grid.length, request, now)
    attrs = {"notes": [*leaves.notes, *more], "model": now.models, "request": request.facts}
    attrs |= grid.reading | {"segments": tree.columns}
    table.attrs = with_old_attributes(attrs, "forecast")
    return table


def backtest_hierarchy(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    by: Sequence[str],
    groups: Sequence[Sequence[str]] | None = None,
    methods: Sequence[str] = ("wls",),
    folds: int = 12,
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    windows: int = 12,
    progress: Callable[[int, int], None] | None = None,
    regressors: object = None,
) -> pd.DataFrame:
    """Forecast the past of a hierarchy from rolling origins.

    Parameters
    ----------
    history, horizon, freq, by, groups, levels, calendar, holidays, events, windows, regressors
        As in :func:`forecast_hierarchy`.
    methods
        Ways to add up; each is a column.
    folds
        Origins to score.
    progress
        Called with the folds done and all folds.

    Returns
    -------
    ``unique_id`` (node), ``level``, ``ds``, ``cutoff``, ``y``, and ``base`` and each method with quantiles: the
    leaderboard takes it, also ``by="level"``.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120, freq="D")
    >>> leaf = lambda name, size: pd.DataFrame({"unique_id": name, "ds": days, "y": size + np.arange(120) % 7})
    >>> both = pd.concat([leaf("chat", 10), leaf("phone", 50)])
    >>> backtest_hierarchy(both, 7, "D", by=["channel"], folds=3).groupby("level").size().to_dict()
    {'channel': 42, 'total': 21}
    """
    request = ForecastRequest(horizon, freq, levels, calendar, holidays, events, windows, regressors=regressors)
    for method in methods:
        check_reconciliation_method(method)
    leaves = request.panel(history)
    grid = leaves.grid
    tree = hierarchy(grid.ids, by, groups)
    panels, _ = _panels(tree, leaves, request)
    origins, _ = find_cutoffs(grid, horizon, request.windows, folds)
    frames = []
    for done, origin in enumerate(origins, 1):
        part: pd.DataFrame | None = None
        for method in methods:
            now = _node_at(tree, panels, origin, request, method)
            table = _table(tree, grid, origin, request, now, method)
            if part is None:
                base = pd.DataFrame(forecast_columns("base", now.base, now.base_edges, request.levels))
                part = table.drop(columns="base").join(base)
            else:
                part = part.join(table[[c for c in table.columns if c.startswith(method)]])
        if part is not None:
            frames.append(_with_outcomes(part, tree, panels, grid, origin, horizon))
        if progress is not None:
            progress(done, len(origins))
    whole = pd.concat(frames, ignore_index=True)
    whole.attrs = with_old_attributes(grid.reading | {"segments": tree.columns}, "forecast")
    return whole


def _panels(tree: Hierarchy, leaves: Panel, request: ForecastRequest) -> tuple[list[_Panel], list[str]]:
    """Return a panel for each level, the leaves last."""
    grid = leaves.grid
    y, ended = _to_add(grid)
    clock = grid.repeats(0, grid.length)
    stamps = grid.stamps(0, grid.length)
    outages = request.outages
    everywhere = outages if isinstance(outages, pd.DataFrame) and "unique_id" not in outages.columns else None
    known = request.regressors
    alike = known if isinstance(known, pd.DataFrame) and "unique_id" not in known.columns else None
    of_sums = replace(
        request, calendar=request.one_calendar, since=None, until=None, outages=everywhere, regressors=alike
    )
    k = len(tree.sums)
    added = np.where(tree.sums @ np.isnan(y) > 0, np.nan, tree.sums @ np.nan_to_num(y)) * clock
    panels, names = [], tree.nodes["node"].to_numpy(dtype=object)
    for level in dict.fromkeys(tree.nodes["level"].iloc[:k]):
        rows = np.flatnonzero((tree.nodes["level"] == level).to_numpy()[:k])
        # rows without a value keep the ends of the grid where those of the leaves are
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(names[rows], grid.length),
                "ds": np.tile(stamps, len(rows)),
                "y": added[rows].ravel(),
            }
        )
        part, special, _ = of_sums.panel(frame)
        order = np.array([list(names[rows]).index(name) for name in part.ids])
        panels.append(_Panel(rows[order], part, special))
    panels.append(_Panel(np.arange(len(grid.ids)) + k, grid, leaves.special))
    notes = [f"'{name}' has ended: totals exclude it" for name in ended[:10]]
    return panels, notes


def _to_add(grid: Grid) -> tuple[Floats, list[str]]:
    """Return the leaves as they are added up: 0 before they begin and after they end, else missing is missing."""
    slots = np.arange(grid.length)
    known = ~np.isnan(grid.y)
    first = np.where(known.any(axis=1), known.argmax(axis=1), grid.length)
    last = grid.length - 1 - known[:, ::-1].argmax(axis=1)
    late = last < grid.length - ENDED_DAYS * grid.frequency.slots_per_day
    outside = (slots < first[:, None]) | (late[:, None] & (slots > last[:, None]))
    gone = outside | (~known & (grid.state != MISSING))
    return np.where(gone & ~known, 0.0, grid.y), [grid.ids[i] for i in np.flatnonzero(late)]


def _node_at(tree: Hierarchy, panels: list[_Panel], origin: int, request: ForecastRequest, method: str) -> _Node:
    """Forecast all nodes at an origin."""
    horizon, levels = request.horizon, request.levels
    size, k = len(tree.nodes), len(tree.sums)
    issued, models = [], {}
    past = find_past_origins(panels[-1].grid.frequency, origin, horizon, request.windows)
    for panel in panels:
        fold = forecast_fold(request, panel.grid, panel.special, origin, panel.seen)
        mine = {o: panel.seen[o] for o in [origin, *past[: fold.origins]]}
        issued.append(Issued(panel.grid, panel.special, request, fold, mine))
        models[str(tree.nodes["level"].iloc[panel.rows[0]])] = fold.chosen
    count = min(len(each.past) for each in issued)
    base = np.full((count + 1, size, horizon), np.nan)
    came, edges = np.full((count, size, horizon), np.nan), np.zeros((size, horizon, 2 * len(levels)))
    for panel, each in zip(panels, issued, strict=True):
        base[0, panel.rows] = each.point
        edges[panel.rows] = each.fold.edges[each.fold.chosen]
        if count:
            base[1:, panel.rows] = each.past_points()[:count]
            came[:, panel.rows] = each.outcomes()[:count]
    flat = np.nan_to_num(base).transpose(1, 0, 2).reshape(size, -1)
    weights = _variances(tree, came - base[1:]) if method == "variance" and count else None
    way = "wls" if method == "variance" else method
    whole = add_up(tree, reconcile_values(tree.sums, flat[k:], flat[:k], way, weights))
    points = whole.reshape(size, count + 1, horizon).transpose(1, 0, 2)
    after = np.zeros_like(edges)
    for panel, each in zip(panels, issued, strict=True):
        after[panel.rows] = _calibrated(each, points[:, panel.rows], came[:, panel.rows], levels)
    return _Node(base[0], edges, np.where(np.isnan(base[0]), np.nan, points[0]), after, models)


def _calibrated(issued: Issued, points: Floats, came: Floats, levels: Sequence[float]) -> Floats:
    """Return the quantiles of one level from the errors that its forecasts made once they added up."""
    now = issued.fold
    # as the spread of a forecast has a floor, so has that of one that was moved
    given = issued.sizes()[: len(came) + 1]
    floor = np.nanmin(np.where(given > 0, given, np.inf), axis=(0, 2), initial=np.inf) ** 2
    size = np.where(given > 0, np.sqrt(np.maximum(points, np.where(np.isfinite(floor), floor, 0.0)[:, None])), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(size[1:] > 0, (came - points[1:]) / size[1:], np.nan)
    days = issued.past_days()[: len(came)] if len(came) else np.zeros((0, issued.horizon), dtype=np.int64)
    bands = calibrate_intervals(errors, assign_zero_tiers(now.now.zeros), days, now.now.unit, levels)
    return apply_intervals(points[0], size[0], bands, now.now.quiet)


def _variances(tree: Hierarchy, errors: Floats) -> tuple[Floats, Floats]:
    """Return the variance of past errors of leaves and sums, shrunk to what the level has for its volume."""
    known = ~np.isnan(errors)
    count = known.sum(axis=(0, 2))
    total = np.where(known, errors, 0.0) ** 2
    own = total.sum(axis=(0, 2)) / np.maximum(count, 1)
    typical = np.full(len(own), max(float(own.mean()), 1e-12))
    for level in tree.nodes["level"].unique():
        mine = (tree.nodes["level"] == level).to_numpy()
        told = mine & (count > 0)
        if told.any():
            typical[mine] = max(float(np.median(own[told])), 1e-12)
    mixed = (count * own + PRIOR_ERRORS * typical) / (count + PRIOR_ERRORS)
    k = len(tree.sums)
    return mixed[k:], mixed[:k]


def _table(
    tree: Hierarchy, grid: Grid, origin: int, request: ForecastRequest, now: _Node, name: str = "deskcast"
) -> pd.DataFrame:
    """Lay out all nodes as a long frame; nodes without a forecast have no rows."""
    horizon = request.horizon
    clock = grid.repeats(origin, origin + horizon)
    nodes = tree.nodes.loc[tree.nodes.index.repeat(horizon), ["node", "level", "unique_id"]].reset_index(drop=True)
    nodes["ds"] = np.tile(grid.stamps(origin, origin + horizon), len(tree.nodes)).astype("datetime64[us]")
    told = forecast_columns(name, now.point * clock, now.edges * clock[:, None], request.levels)
    table = nodes.join(pd.DataFrame(told))
    table["base"] = (now.base * clock).ravel()
    return table[table[name].notna()].reset_index(drop=True)


def _with_outcomes(
    part: pd.DataFrame, tree: Hierarchy, panels: list[_Panel], grid: Grid, origin: int, horizon: int
) -> pd.DataFrame:
    """Add cutoff and outcome to a fold, and leave out slots that were closed or have no value."""
    y = np.full((len(tree.nodes), horizon), np.nan)
    for panel in panels:
        y[panel.rows] = panel.grid.came(np.arange(origin, origin + horizon)[None])[0]
    stamps = grid.stamps(origin, origin + horizon).astype("datetime64[us]")
    keys = pd.MultiIndex.from_product([tree.nodes["node"], stamps])
    there = pd.Series((y * grid.repeats(origin, origin + horizon)).ravel(), index=keys)
    out = part.drop(columns="unique_id").rename(columns={"node": "unique_id"})
    out = out[["unique_id", "level", *[c for c in out.columns if c not in ("unique_id", "level")]]]
    out.insert(3, "cutoff", grid.stamps(origin - 1, origin)[0].astype("datetime64[us]"))
    out.insert(4, "y", there.reindex(pd.MultiIndex.from_frame(out[["unique_id", "ds"]])).to_numpy())
    return out[out["y"].notna()]

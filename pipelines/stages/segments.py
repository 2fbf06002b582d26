"""Segments and their sums as one forecast: they add up at the end, in the past origins, and on every sample path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...forecasting.panels.cold_start import COLD_START_DAYS, forecast_cold_start
from ...forecasting.panels.hierarchy import backtest_hierarchy, forecast_hierarchy
from ...forecasting.panels.reconcile import hierarchy
from ..project.specs import ForecastSpec

#: Forecast without making segments add up.
NO_RECONCILIATION = "none"


@dataclass(frozen=True)
class ReconciledForecast:
    """A forecast of series, and where they are segments of a whole that of their sums.

    Attributes
    ----------
    leaves
        The table of the forecast, whose ``deskcast`` and quantiles add up where ``totals`` are there.
    totals
        ``node`` (``total``, ``channel=phone``), ``level``, ``ds``, ``deskcast`` with its quantiles, and ``base`` (the
        forecast of the sum by itself).
    moved
        How far adding up moved the forecasts of the segments, over their volume.
    notes
        What a reader should know.
    """

    leaves: pd.DataFrame
    totals: pd.DataFrame | None = None
    moved: float = 0.0
    notes: tuple[str, ...] = ()


def reconcile_forecast(
    actuals: pd.DataFrame, ahead: pd.DataFrame, spec: ForecastSpec, context: dict[str, Any]
) -> ReconciledForecast:
    """Make the forecast of segments add up to that of their sums; of one series there is nothing to add."""
    if not spec.by or spec.reconcile == NO_RECONCILIATION or ahead["unique_id"].nunique() < 2:
        return ReconciledForecast(ahead)
    rules: dict[str, Any] = {"levels": spec.levels, "windows": spec.windows, **context}
    try:
        nodes = forecast_hierarchy(actuals, spec.horizon, spec.freq, by=list(spec.by), method=spec.reconcile, **rules)
    except InputError as error:
        if error.column != "unique_id":
            raise
        return ReconciledForecast(ahead, notes=(f"segments are not made to add up: {error}",))
    leaf_level = "/".join(spec.by)
    leaves = nodes[nodes["level"] == leaf_level].drop(columns=["node", "level", "base"])
    values = [c for c in leaves.columns if c not in ("unique_id", "ds")]
    keys = pd.MultiIndex.from_frame(ahead[["unique_id", "ds"]])
    found = leaves.set_index(["unique_id", "ds"])[values].reindex(keys)
    table = ahead.copy()
    for column in values:
        table[column] = found[column].to_numpy()
    table.attrs = ahead.attrs
    totals = nodes[nodes["level"] != leaf_level].drop(columns="unique_id").reset_index(drop=True)
    volume = float(ahead["deskcast"].sum())
    moved = float((table["deskcast"] - ahead["deskcast"]).abs().sum()) / volume if volume > 0 else 0.0
    ended = tuple(n for n in nodes.attrs["notes"] if "has ended" in n)
    return ReconciledForecast(table, totals, moved, ended)


def reconcile_folds(
    folds: pd.DataFrame,
    actuals: pd.DataFrame,
    spec: ForecastSpec,
    shared: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Put what would have been issued, segments that add up, in place of each segment's own forecast of the past."""
    rules = {k: v for k, v in shared.items() if k != "windows"}
    nodes = backtest_hierarchy(
        actuals,
        spec.horizon,
        spec.freq,
        by=list(spec.by),
        methods=(spec.reconcile,),
        folds=shared["windows"],
        windows=shared["windows"],
        progress=progress,
        **rules,
    )
    leaves = nodes[nodes["level"] == "/".join(spec.by)]
    named = dict(zip(_node_names(folds["unique_id"].unique(), spec.by), folds["unique_id"].unique(), strict=True))
    index = pd.MultiIndex.from_arrays([leaves["unique_id"].map(named), leaves["ds"], leaves["cutoff"]])
    keys = pd.MultiIndex.from_frame(folds[["unique_id", "ds", "cutoff"]])
    out = folds.copy()
    for column in [c for c in nodes.columns if c == spec.reconcile or str(c).startswith(f"{spec.reconcile}-")]:
        ours = "deskcast" + str(column).removeprefix(spec.reconcile)
        added = pd.Series(leaves[column].to_numpy(), index=index).reindex(keys).to_numpy()
        out[ours] = np.where(np.isnan(added), folds[ours], added)
    out.attrs = folds.attrs
    return out


def _node_names(names: Any, by: tuple[str, ...]) -> list[str]:
    return ["/".join(f"{c}={v}" for c, v in zip(by, str(name).split("/"), strict=True)) for name in names]


def scale_paths(paths: pd.DataFrame, issued: pd.DataFrame) -> pd.DataFrame:
    """Move sample paths to the forecasts that are issued, slot by slot: their middle is the forecast.

    >>> day = pd.Timestamp("2024-03-04")
    >>> paths = pd.DataFrame({"unique_id": "a", "ds": day, "path": [0, 1, 2], "y": [8.0, 10.0, 12.0]})
    >>> issued = pd.DataFrame({"unique_id": "a", "ds": day, "deskcast": [11.0]})
    >>> scale_paths(paths, issued)["y"].round(6).tolist()
    [8.8, 11.0, 13.2]
    """
    middle = paths.groupby(["unique_id", "ds"], sort=False)["y"].transform("median").to_numpy()
    keys = pd.MultiIndex.from_frame(paths[["unique_id", "ds"]])
    wanted = issued.set_index(["unique_id", "ds"])["deskcast"].reindex(keys).to_numpy()
    known = (middle > 0) & ~np.isnan(wanted)
    out = paths.copy()
    out["y"] = paths["y"].to_numpy() * np.where(known, wanted / np.where(known, middle, 1.0), 1.0)
    out.attrs = paths.attrs
    return out


def adjust_totals(totals: pd.DataFrame, leaves: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Add up segments that were changed by assumptions; the bounds of the sums move as those of segments do."""
    wide = leaves.pivot(index="unique_id", columns="ds", values="deskcast")
    tree = hierarchy([str(name) for name in wide.index], list(by))
    sums = tree.sums @ wide.reindex(tree.leaves).fillna(0.0).to_numpy()
    names = tree.nodes["node"].iloc[: len(sums)].to_numpy()
    added = pd.DataFrame(sums, index=names, columns=wide.columns).stack()
    keys = pd.MultiIndex.from_frame(totals[["node", "ds"]])
    out, base = totals.copy(), totals["deskcast"].to_numpy(dtype=float)
    point = added.reindex(keys).to_numpy(dtype=float)
    ratio = np.where(base > 0, point / np.where(base > 0, base, 1.0), 1.0)
    # small counts vary relatively more
    stretch = np.where(ratio > 1, ratio, np.sqrt(ratio))
    for column in [c for c in totals.columns if str(c).startswith(("deskcast-lo-", "deskcast-hi-"))]:
        distance = (totals[column].to_numpy(dtype=float) - base) * stretch
        out[column] = np.maximum(point + np.where(ratio > 0, distance, 0.0), 0.0)
    out["deskcast"] = point
    out.insert(list(out.columns).index("deskcast") + 1, "baseline", base)
    return out


def find_cold_start_series(actuals: pd.DataFrame) -> list[str]:
    """Return the series whose first case came lately, where others are much older.

    >>> days = pd.date_range("2024-01-01", periods=200)
    >>> old = pd.DataFrame({"unique_id": "phone", "ds": days, "y": 5.0})
    >>> find_cold_start_series(pd.concat([old, old.assign(unique_id="chat", y=[0.0] * 170 + [3.0] * 30)]))
    ['chat']
    """
    begun = actuals[actuals["y"] > 0].groupby("unique_id")["ds"].min()
    age = (actuals["ds"].max() - begun).dt.days + 1
    if not len(age) or age.max() < 2 * COLD_START_DAYS:
        return []
    return [str(name) for name in age.index[age < COLD_START_DAYS]]


def add_cold_start_forecasts(
    ahead: pd.DataFrame, actuals: pd.DataFrame, young: list[str], horizon: int, freq: str, **rules: Any
) -> pd.DataFrame:
    """Put the forecasts of young series, borrowed from their relatives, in place of their own; ``tier`` says which.

    Parameters
    ----------
    ahead
        The forecast of all series.
    actuals, young
        All series, and the names of the young ones.
    horizon, freq, **rules
        As in :func:`deskcast.forecasting.forecast_cold_start`.
    """
    begun = actuals[actuals["y"] > 0].groupby("unique_id")["ds"].min()
    before = actuals["unique_id"].isin(young) & (actuals["ds"] < actuals["unique_id"].map(begun))
    made = forecast_cold_start(actuals[~before].reset_index(drop=True), horizon, freq, **rules)
    mine = made[made["tier"] != "own"][[*ahead.columns, "tier"]]
    rest = ahead[~ahead["unique_id"].isin(mine["unique_id"])].assign(tier="own")
    out = pd.concat([rest, mine]).sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    said = [note for note in made.attrs["notes"] if any(f"'{name}'" in note for name in young)]
    out.attrs = {**ahead.attrs, "notes": [*ahead.attrs.get("notes", []), *said]}
    return out

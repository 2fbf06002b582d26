"""Sums of sample paths over time and series, which quantiles of slots cannot give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ...features.frames import read_numbers, require_columns, require_times
from ..volume.intervals import check_levels, probabilities

#: Columns of sample paths.
PATH_COLUMNS = ("unique_id", "ds", "path", "y")

#: Paths from which the ends of an interval are told finer than whole numbers.
MIN_SPREAD_PATHS = 100


def total_over(
    paths: pd.DataFrame,
    freq: str | None = None,
    levels: Sequence[float] = (80, 95),
    by: Mapping[str, str] | str | None = "unique_id",
) -> pd.DataFrame:
    """Sum sample paths over time and series, and say how sure the sums are.

    Parameters
    ----------
    paths
        What :func:`sample_paths` returns.
    freq
        ``h``, ``D``, ``W`` (from Monday) or ``MS``; None keeps the slots.
    levels
        Percent.
    by
        ``"unique_id"`` for each series, None for all together (``all``), or a mapping of series to groups.

    Returns
    -------
    ``unique_id`` (series or group), ``ds`` (start of the period), ``whole`` (whether the paths cover it), ``deskcast``
    (the middle of the sums), ``mean``, ``deskcast-lo-80``, ``deskcast-hi-80``, ...; by group and time.

    Raises
    ------
    InputError
        If a column is missing, the period is unknown, or a series has no group.

    Examples
    --------
    >>> days = pd.date_range("2024-03-04", periods=7)
    >>> two = pd.DataFrame({"unique_id": "all", "ds": [*days, *days], "path": [0] * 7 + [1] * 7, "y": [1.0] * 7 + [3.0] * 7})
    >>> total_over(two, "W", levels=(80,)).iloc[0, 3:].astype(float).tolist()
    [14.0, 14.0, 7.0, 21.0]
    """  # noqa: E501 - the frame of the example
    _check_paths(paths)
    levels = check_levels(levels)
    p = probabilities(levels)
    start, end = _period(paths["ds"], freq)
    frame = pd.DataFrame({"unique_id": _groups(paths["unique_id"], by), "ds": start, "path": paths["path"]})
    sums = paths["y"].groupby([frame["unique_id"], frame["ds"], frame["path"]], sort=True).sum()
    table = sums.unstack("path").to_numpy()
    index = sums.unstack("path").index
    low, high = paths["ds"].min(), paths["ds"].max() + _slot(paths["ds"])
    ends = dict(zip(start, end, strict=True))
    out = pd.DataFrame({"unique_id": index.get_level_values(0), "ds": index.get_level_values(1)})
    out["unique_id"], out["ds"] = out["unique_id"].astype("str"), out["ds"].astype("datetime64[us]")
    out["whole"] = [bool(s >= low and ends[s] <= high) for s in out["ds"]]
    out["deskcast"], out["mean"] = np.median(table, axis=1), table.mean(axis=1)
    # with few paths the ends are the outermost ones
    count = table.shape[1]
    rank = np.minimum(1.0, (count + 1) * np.maximum(p, 1 - p) / count - 1e-9)
    table, middle = _between_whole(table), out["deskcast"]
    for level in levels:
        k = int(np.argmin(np.abs(p - (100 - level) / 200)))
        lower = -np.quantile(-table, rank[k], axis=1, method="inverted_cdf")
        lower = np.maximum(lower, 0.0) if (table > -1).all() else lower
        out[f"deskcast-lo-{level:g}"] = np.minimum(lower, middle)
        out[f"deskcast-hi-{level:g}"] = np.maximum(np.quantile(table, rank[k], axis=1, method="inverted_cdf"), middle)
    return out


def _between_whole(table: Floats) -> Floats:
    """Spread sums that are whole numbers evenly over the half steps around them.

    Both ends of an interval belong to it: between whole numbers that are few it would hold more than its level says.
    Sums that are the same on all paths, such as those of closed days, are known.

    >>> sums = np.repeat([[1.0, 2.0]], 50, axis=0).reshape(1, -1)
    >>> spread = _between_whole(sums)
    >>> bool(spread.min() < 0.6), bool(np.abs(spread - sums).max() < 0.5), _between_whole(sums[:, :4]).tolist()
    (True, True, [[1.0, 2.0, 1.0, 2.0]])
    """
    count = table.shape[1]
    if count < MIN_SPREAD_PATHS or not (table == np.round(table)).all():
        return table
    steps = (np.random.default_rng(0).permutation(count) + 0.5) / count - 0.5
    return np.where(table.min(axis=1, keepdims=True) < table.max(axis=1, keepdims=True), table + steps, table)


def path_matrix(paths: pd.DataFrame, unique_id: str | None = None) -> Floats:
    """Return one row a path and one column a slot, of one series or of all together, as ``Demand.from_paths`` takes.

    >>> days = pd.to_datetime(["2024-03-04", "2024-03-05"])
    >>> path_matrix(pd.DataFrame({"unique_id": "all", "ds": days, "path": 0, "y": [1.0, 2.0]})).tolist()
    [[1.0, 2.0]]
    """
    _check_paths(paths)
    if unique_id is not None:
        known = [str(name) for name in paths["unique_id"].unique()]
        if unique_id not in known:
            hint = did_you_mean(unique_id, known)
            raise InputError("unknown series", column="unique_id", got=unique_id, hint=hint, code="series.unknown")
        paths = paths[paths["unique_id"] == unique_id]
    return paths.groupby(["path", "ds"], sort=True)["y"].sum().unstack("ds").to_numpy()


def _check_paths(paths: pd.DataFrame) -> None:
    """Refuse what sample paths are not."""
    require_columns(paths, PATH_COLUMNS, "paths")
    require_times(paths, "ds", "paths")
    read_numbers(paths["y"], "paths")
    if paths.empty:
        raise InputError("missing paths", where="paths", code="rows.none")


def _groups(names: pd.Series, by: Mapping[str, str] | str | None) -> pd.Series:
    if by is None:
        return pd.Series("all", index=names.index, dtype="str")
    if isinstance(by, str):
        if by != "unique_id":
            raise InputError(
                "unknown grouping",
                column="by",
                got=by,
                wanted="'unique_id', None or series -> group",
                code="value.unknown",
            )
        return names
    groups = names.map({str(k): str(v) for k, v in by.items()})
    if groups.isna().any():
        raise InputError(
            "missing group of a series", column="by", got=str(names[groups.isna()].iloc[0]), code="series.unknown"
        )
    return groups


def _period(ds: pd.Series, freq: str | None) -> tuple[pd.Series, pd.Series]:
    """Return start and end of the period of each stamp."""
    if freq is None:
        return ds, ds + _slot(ds)
    if freq in ("h", "D"):
        size = pd.Timedelta(hours=1 if freq == "h" else 24)
        start = ds.dt.floor(size)
        return start, start + size
    if freq == "W":
        start = ds.dt.normalize() - pd.to_timedelta(ds.dt.day_of_week, unit="D")
        return start, start + pd.Timedelta(days=7)
    if freq == "MS":
        start = ds.dt.to_period("M").dt.start_time
        return start, start + pd.DateOffset(months=1)
    raise InputError("unknown period", column="freq", got=freq, wanted="h, D, W, MS or None", code="frequency.invalid")


def _slot(ds: pd.Series) -> pd.Timedelta:
    """Return the length of a slot: the least distance of two stamps."""
    steps = np.diff(np.sort(ds.unique()))
    return pd.Timedelta(steps.min()) if len(steps) else pd.Timedelta(days=1)

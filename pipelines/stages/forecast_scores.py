"""How wrong past forecasts were: by lead time, by series, by slot of the week, and how often intervals held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...forecasting.volume.losses import pinball

#: Levels at which the intervals are checked, beside those that are issued.
EVALUATED_LEVELS = (20, 40, 60, 80, 90, 95)
#: A lead time of more slots is counted in days.
MAX_LEAD_SLOTS = 62
WEEKDAY_LABELS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def list_models(folds: pd.DataFrame) -> list[str]:
    """Return the models of a backtest.

    >>> list_models(pd.DataFrame(columns=["ds", "y", "deskcast", "deskcast-lo-80", "deskcast-hi-80"]))
    ['deskcast']
    """
    return list(dict.fromkeys(str(c).rsplit("-lo-", 1)[0] for c in folds.columns if "-lo-" in str(c)))


def score_forecasts(folds: pd.DataFrame, keys: Sequence[str], levels: Sequence[float]) -> pd.DataFrame:
    """Score every model of a backtest by groups of its rows.

    Parameters
    ----------
    folds
        What :func:`deskcast.forecasting.backtest` returns, with the columns of ``keys``.
    keys
        Columns to group by.
    levels
        Levels whose quantiles are scored.

    Returns
    -------
    ``keys``, ``model``, ``wape``, ``wql``, ``bias`` (forecast minus outcome over the volume), ``coverage_80`` for each
    level, ``volume`` and ``n`` (slots); by key, in the order of the models. Where nothing came the scores are NaN.

    Examples
    --------
    >>> folds = pd.DataFrame({"unique_id": ["a", "a"], "y": [10.0, 30.0], "m": [12.0, 28.0], "m-lo-80": [8.0, 20.0],
    ...                       "m-hi-80": [14.0, 29.0]})
    >>> score_forecasts(folds, ["unique_id"], (80,))[["wape", "bias", "coverage_80"]].values.tolist()
    [[0.1, 0.0, 0.5]]
    """
    y = folds["y"].to_numpy(dtype=float)
    tables = []
    for model in list_models(folds):
        point = folds[model].to_numpy(dtype=float)
        sums = {"volume": np.abs(y), "error": np.abs(y - point), "more": point - y}
        loss = np.abs(y - point)
        for level in levels:
            low, high = (folds[f"{model}-{side}-{level:g}"].to_numpy(dtype=float) for side in ("lo", "hi"))
            p = (100 - level) / 200
            loss = loss + 2 * pinball(y - low, p) + 2 * pinball(y - high, 1 - p)
            doubt = (high > 0) | (y > 0)
            sums[f"in_{level:g}"] = ((y >= low) & (y <= high) & doubt).astype(float)
            sums[f"of_{level:g}"] = doubt.astype(float)
        sums["loss"] = loss / (2 * len(levels) + 1)
        rows = pd.DataFrame({**{k: folds[k].to_numpy() for k in keys}, **sums, "n": 1})
        total = rows.groupby(list(keys), sort=True, as_index=False).sum()
        came = total["volume"].where(total["volume"] > 0)
        table = total[list(keys)].copy()
        table["model"] = model
        table["wape"], table["wql"], table["bias"] = total["error"] / came, total["loss"] / came, total["more"] / came
        for level in levels:
            of = total[f"of_{level:g}"]
            table[f"coverage_{level:g}"] = total[f"in_{level:g}"] / of.where(of > 0)
        table["volume"], table["n"] = total["volume"], total["n"]
        tables.append(table.astype({"model": "str"}))
    order = pd.concat(tables, ignore_index=True)
    return order.sort_values(list(keys), kind="stable", ignore_index=True)


def score_by_lead(folds: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Score by model and lead time: in slots, or in days where there are many; the column ``unit`` says which."""
    ahead, unit = compute_leads(folds)
    table = score_forecasts(folds.assign(lead=ahead), ["lead"], levels)
    table.insert(1, "unit", unit)
    place = table["model"].map({model: i for i, model in enumerate(list_models(folds))})
    order = place.to_numpy().argsort(kind="stable")
    return table.drop(columns="volume").iloc[order].reset_index(drop=True)


def compute_leads(folds: pd.DataFrame) -> tuple[npt.NDArray[np.int64], str]:
    """Return how far ahead each row was forecast, from 1, and the unit.

    >>> folds = pd.DataFrame({"ds": pd.to_datetime(["2024-03-04", "2024-03-06"]), "cutoff": pd.Timestamp("2024-03-03")})
    >>> compute_leads(folds)[0].tolist(), compute_leads(folds)[1]
    ([1, 3], 'day')
    """
    gap, step = folds["ds"] - folds["cutoff"], _step(folds)
    if step >= pd.Timedelta(days=28):
        periods = folds["ds"].dt.to_period("M").astype("int64") - folds["cutoff"].dt.to_period("M").astype("int64")
        return periods.to_numpy(dtype=np.int64), "month"
    slots = np.rint(gap.dt.total_seconds().to_numpy() / step.total_seconds()).astype(np.int64)
    if step >= pd.Timedelta(days=1):
        return slots, "week" if step >= pd.Timedelta(days=7) else "day"
    if slots.max(initial=0) <= MAX_LEAD_SLOTS:
        return slots, "hour" if step == pd.Timedelta(hours=1) else "slot"
    # the forecast begins with the slot after the cutoff
    begins = folds["cutoff"] + step
    days = (folds["ds"] - begins).dt.days.to_numpy(dtype=np.int64) + 1
    return np.asarray(days, dtype=np.int64), "day"


def score_by_slot(folds: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Score by slot of the week: weekday, and time of day where slots are shorter than a day; nothing for longer ones.

    Returns
    -------
    ``weekday`` (``Mon`` to ``Sun``), ``time`` (``HH:MM``; empty for days), and the scores of ``deskcast``.
    """
    step = _step(folds)
    if step > pd.Timedelta(days=1):
        return pd.DataFrame()
    day = folds["ds"].dt.day_of_week
    clock = folds["ds"].dt.strftime("%H:%M") if step < pd.Timedelta(days=1) else pd.Series("", index=folds.index)
    keep = ["y", *[c for c in folds.columns if c == "deskcast" or str(c).startswith("deskcast-")]]
    table = score_forecasts(folds[keep].assign(day=day, time=clock), ["day", "time"], levels)
    table.insert(0, "weekday", [WEEKDAY_LABELS[d] for d in table.pop("day")])
    return table.drop(columns="model")


def _step(folds: pd.DataFrame) -> pd.Timedelta:
    """Return the length of a slot: the least distance of two stamps, or of one from its origin."""
    between = np.diff(np.sort(folds["ds"].unique()))
    first = pd.Timedelta((folds["ds"] - folds["cutoff"]).min())
    return min(first, pd.Timedelta(between.min())) if len(between) else first


def score_by_series(folds: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Score ``deskcast`` by series, the largest first, with its gain over the seasonal naive method.

    Returns
    -------
    ``unique_id``, the scores, and ``gain`` (share of the quantile loss of the seasonal naive method that is saved).
    """
    table = score_forecasts(folds, ["unique_id"], levels)
    ours = table[table["model"] == "deskcast"].drop(columns="model").reset_index(drop=True)
    naive = table[table["model"] == "seasonal_naive"].set_index("unique_id")["wql"].reindex(ours["unique_id"])
    ours["gain"] = 1 - ours["wql"] / naive.where(naive > 0).to_numpy()
    return ours.sort_values(["volume", "unique_id"], ascending=[False, True], kind="stable", ignore_index=True)


def compute_coverage(folds: pd.DataFrame) -> pd.DataFrame:
    """Return how often the actual values were inside the intervals of each level.

    Slots of one origin are wrong together, so the bounds come from the origins as clusters (their mean, two standard
    errors to each side).

    Returns
    -------
    ``model``, ``level``, ``observed``, ``lo``, ``hi`` (shares), ``n`` (slots in doubt), by model and level.

    Examples
    --------
    >>> folds = pd.DataFrame({"cutoff": [1, 1, 2, 2], "y": 5.0, "m": 5.0, "m-lo-80": [4.0, 6.0, 4.0, 4.0], "m-hi-80": 9.0})
    >>> compute_coverage(folds)[["level", "observed", "n"]].values.tolist()
    [[80.0, 0.75, 4.0]]
    """  # noqa: E501 - the frame of the example
    y = folds["y"].to_numpy(dtype=float)
    _, origin = np.unique(folds["cutoff"].to_numpy(), return_inverse=True)
    rows = []
    for model in list_models(folds):
        levels = sorted(float(str(c).rsplit("-", 1)[1]) for c in folds.columns if str(c).startswith(f"{model}-lo-"))
        for level in levels:
            low, high = (folds[f"{model}-{side}-{level:g}"].to_numpy(dtype=float) for side in ("lo", "hi"))
            doubt = (high > 0) | (y > 0)
            inside = (y >= low) & (y <= high) & doubt
            of = np.bincount(origin, doubt)
            share = inside.sum() / max(doubt.sum(), 1)
            # a ratio of sums over clusters
            rest = np.bincount(origin, inside) - share * of
            count = max(int((of > 0).sum()), 1)
            error = np.sqrt((rest**2).sum() * count / max(count - 1, 1)) / max(doubt.sum(), 1)
            lo, hi = max(0.0, share - 2 * error), min(1.0, share + 2 * error)
            rows.append((model, level, share, lo, hi, int(doubt.sum())))
    table = pd.DataFrame(rows, columns=["model", "level", "observed", "lo", "hi", "n"])
    return table.astype({"model": "str"})


def latest_forecasts(folds: pd.DataFrame) -> pd.DataFrame:
    """Return what was forecast last for each slot of the past, as a line beside what came.

    >>> folds = pd.DataFrame({"unique_id": "a", "ds": pd.Timestamp("2024-03-10"), "y": 1.0, "deskcast": [2.0, 3.0],
    ...                       "cutoff": pd.to_datetime(["2024-02-28", "2024-03-06"])})
    >>> latest_forecasts(folds)["deskcast"].tolist()
    [3.0]
    """
    keep = [c for c in folds.columns if c in ("unique_id", "ds", "cutoff", "y") or str(c).startswith("deskcast")]
    latest = folds[keep].sort_values(["unique_id", "ds", "cutoff"], kind="stable")
    return latest.drop_duplicates(["unique_id", "ds"], keep="last", ignore_index=True)

"""Sums of sample paths: does an interval for a day or a week hold what it says? Next to two ways that do not.

    python benchmarks/paths.py [DATA_FOLDER]

Bank calls at 15 minutes: 20 weekly origins, totals of the days and of the week ahead. Council cases by borough and
complaint type, daily: 8 origins, weekly totals of all and of each leaf; days of the council: 12 origins, the 28 days
ahead. Calls to a helpline by week and province: origins every 8 weeks from 2021, totals of four weeks. ``paths`` is
ours; ``apart`` shuffles each slot of the same paths (no dependence); ``ladder`` adds the quantiles of the slots (full
dependence). Coverage of 80 and 95, and the mean width of the 80 % interval over the total. Nothing is chosen here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench import HELPLINE_FIRST, helpline
from deskcast.forecasting import sample_paths, total_over
from reconcile import council
from volumes import bank_calls, council_cases

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def apart(paths: pd.DataFrame) -> pd.DataFrame:
    """Shuffle each slot."""
    rng = np.random.default_rng(0)
    cube = paths["y"].to_numpy().reshape(paths["unique_id"].nunique(), paths["path"].nunique(), -1)
    return paths.assign(y=rng.permuted(cube, axis=1).ravel())


def ladder(paths: pd.DataFrame) -> pd.DataFrame:
    """Put the values of every slot in the same order."""
    cube = paths["y"].to_numpy().reshape(paths["unique_id"].nunique(), paths["path"].nunique(), -1)
    return paths.assign(y=np.sort(cube, axis=1).ravel())


def scores(paths: pd.DataFrame, truth: pd.DataFrame, freq: str, by: Any) -> list[dict[str, Any]]:
    """Return whether each total was held, by each way."""
    rows = []
    for name, way in (("paths", lambda p: p), ("apart", apart), ("ladder", ladder)):
        totals = total_over(way(paths), freq, by=by)
        came = total_over(truth.assign(path=0), freq, by=by)[["unique_id", "ds", "mean"]]
        both = totals[totals["whole"] | (freq == "W")].merge(came, on=["unique_id", "ds"], suffixes=("", "_came"))
        for row in both.to_dict("records"):
            held = {lv: row[f"deskcast-lo-{lv}"] <= row["mean_came"] <= row[f"deskcast-hi-{lv}"] for lv in (80, 95)}
            width = (row["deskcast-hi-80"] - row["deskcast-lo-80"]) / max(row["mean"], 1e-9)
            rows.append({"way": name, "held_80": held[80], "held_95": held[95], "width_80": width})
    return rows


def bank(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Score days and weeks of the bank."""
    volumes, calendar = bank_calls(folder)
    mondays = pd.date_range(end=volumes["ds"].max().normalize(), periods=21, freq="W-MON")[:-1]
    found: dict[str, list[dict[str, Any]]] = {"bank, days": [], "bank, weeks": []}
    for monday in mondays:
        paths = sample_paths(volumes[volumes["ds"] < monday], 672, "15min", n=400, calendar=calendar)
        truth = volumes[(volumes["ds"] >= monday) & (volumes["ds"] < monday + pd.Timedelta(days=7))]
        found["bank, days"] += scores(paths, truth, "D", None)
        found["bank, weeks"] += scores(paths, truth, "W", None)
    return found


def cases(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Score weeks of the council's cases, of all and of each leaf."""
    history = council(folder)
    mondays = pd.date_range(end=history["ds"].max(), periods=8 * 2, freq="W-MON")[:-1:2]
    found: dict[str, list[dict[str, Any]]] = {"council, weeks of all": [], "council, weeks of a leaf": []}
    for monday in mondays:
        paths = sample_paths(history[history["ds"] < monday], 7, "D", n=400, holidays="US")
        truth = history[(history["ds"] >= monday) & (history["ds"] < monday + pd.Timedelta(days=7))]
        truth = truth[truth["unique_id"].isin(paths["unique_id"].unique())]
        found["council, weeks of all"] += scores(paths, truth, "W", None)
        found["council, weeks of a leaf"] += scores(paths, truth, "W", "unique_id")
    return found


def whole(paths: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose slots are all the first one, so that the horizon is one period."""
    return paths.assign(ds=paths["ds"].min())


def horizons(name: str, history: pd.DataFrame, origins: pd.DatetimeIndex, horizon: int, freq: str, **more: Any) -> Any:
    """Score the sum over the horizon, of all series together and of each."""
    end = pd.Timedelta(days=horizon * (7 if freq == "W" else 1))
    found: dict[str, list[dict[str, Any]]] = {}
    for origin in origins:
        paths = sample_paths(history[history["ds"] < origin], horizon, freq, n=300, **more)
        truth = history[(history["ds"] >= origin) & (history["ds"] < origin + end)]
        truth = truth[truth["unique_id"].isin(paths["unique_id"].unique())]
        for label, by in (("of all", None), ("of a series", "unique_id")):
            for way, change in (("paths", lambda p: p), ("apart", apart)):
                totals = total_over(whole(change(paths)), by=by)
                came = total_over(whole(truth).assign(path=0), by=by)[["unique_id", "mean"]]
                both = totals.merge(came, on="unique_id", suffixes=("", "_came"))
                held = {
                    f"held_{lv}": both["mean_came"].between(both[f"deskcast-lo-{lv}"], both[f"deskcast-hi-{lv}"])
                    for lv in (80, 95)
                }
                width = (both["deskcast-hi-80"] - both["deskcast-lo-80"]) / both["mean"].clip(lower=1e-9)
                rows = pd.DataFrame({"way": way, **held, "width_80": width}).to_dict("records")
                found.setdefault(f"{name} {label}", []).extend(rows)
    return found


def months(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Score 28 days of the council's cases, and four weeks of the helpline."""
    days, calls = council_cases(folder), helpline(folder)
    ends = pd.date_range(end=days["ds"].max() - pd.Timedelta(days=27), periods=12, freq="28D")
    weeks = pd.date_range(HELPLINE_FIRST, calls["ds"].max() - pd.Timedelta(days=21), freq="56D")
    return horizons("council, 28 days", days, ends, 28, "D", holidays="US") | horizons(
        "helpline, 4 weeks", calls, weeks, 4, "W"
    )


def main(folder: Path = DATA) -> None:
    """Print one row a way and kind of total, as each set is done."""
    for scored in (months, bank, cases):
        found = scored(folder)
        parts = [
            pd.DataFrame(rows).groupby("way", sort=False).mean().assign(total=name) for name, rows in found.items()
        ]
        table = pd.concat(parts).reset_index().set_index(["total", "way"])
        print(table.to_string(float_format="{:.3f}".format))
        count = {name: sum(row["way"] == "paths" for row in rows) for name, rows in found.items()}
        print("totals scored:", count, flush=True)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))

"""Forecasts that add up, next to forecasts that do not: cases of a city council by borough and kind of complaint.

    python benchmarks/reconcile.py [DATA_FOLDER]

Daily cases to October 2023 by borough (the five largest and all others) and complaint type (the ten largest and all
others): 66 leaves, 6 + 11 + 1 sums. Eight weekly origins, 28 days ahead; each chooses its method and its intervals on
earlier origins. Scored at every node: weighted quantile loss and coverage of the base forecasts, of bottom-up, of
structural least squares that does not go below 0, and of the same with variances of past errors. Plain least squares
is made from the same base forecasts, to count how often it falls below 0. Nothing is chosen here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting import backtest_hierarchy, hierarchy, leaderboard
from deskcast.forecasting.panels.reconcile import least_squares, reconcile_values

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
WAYS = ("bottom_up", "wls", "variance")


def council(folder: Path) -> pd.DataFrame:
    """Return daily cases by borough and complaint type."""
    path = folder / "nyc_council_cases" / "council_cases.csv.gz"
    rows = pd.read_csv(path, usecols=["opendate", "borough", "complaint_type"], parse_dates=["opendate"])
    rows = rows[rows["opendate"] < "2023-11-01"]
    for column, most in (("borough", 5), ("complaint_type", 10)):
        largest = rows[column].value_counts().index[:most]
        rows[column] = rows[column].where(rows[column].isin(largest), "other").str.replace("/", " ")
    days = pd.date_range(rows["opendate"].min(), rows["opendate"].max())
    counts = rows.groupby(["borough", "complaint_type", "opendate"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=days, fill_value=0)
    names = ["/".join(key) for key in counts.index]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(names, len(days)),
            "ds": np.tile(days, len(names)),
            "y": counts.to_numpy(dtype=float).ravel(),
        }
    )


def negatives(folds: pd.DataFrame, names: list[str]) -> dict[str, int]:
    """Count leaves below 0 of plain and of structural least squares, made from the same base forecasts."""
    tree = hierarchy(names, ["borough", "complaint_type"])
    counts = {"leaves": 0, "plain": 0, "structural": 0}
    for _, fold in folds.groupby("cutoff"):
        base = fold.pivot(index="unique_id", columns="ds", values="base").reindex(tree.nodes["node"]).to_numpy()
        base, k = np.nan_to_num(base), len(tree.sums)
        counts["leaves"] += base[k:].size
        counts["plain"] += int((least_squares(tree.sums, base[k:], base[:k]) < 0).sum())
        counts["structural"] += int((reconcile_values(tree.sums, base[k:], base[:k]) < 0).sum())
    return counts


def main(folder: Path = DATA) -> None:
    """Print one table for all nodes and one by level."""
    history = council(folder)
    folds = backtest_hierarchy(history, 28, "D", ["borough", "complaint_type"], methods=WAYS, folds=8, holidays="US")
    columns = ["model", "wape", "wql", "coverage_80", "coverage_95"]
    print(f"{folds['unique_id'].nunique()} nodes, {folds['cutoff'].nunique()} origins, {len(folds):,} slots")
    print(leaderboard(folds)[columns].to_string(index=False, float_format="{:.4f}".format))
    print(leaderboard(folds, by="level")[["level", *columns]].to_string(index=False, float_format="{:.4f}".format))
    print("below 0:", negatives(folds, sorted(history["unique_id"].unique())))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))

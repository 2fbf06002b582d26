"""Coverage of the intervals by lead and by volume, on the tables of ``benchmarks/volumes.py``.

    python benchmarks/coverage.py [DATA_FOLDER] [--only bank]

One line a table and level: overall, in each quarter of the leads, and in each third of the forecasts above 0, with two
standard errors of the overall share over blocks of origins. An interval that holds on average may be too narrow at the
peak, where people are planned, and too wide where nearly nothing comes. These tables are the scored ones: nothing is
chosen by what is printed here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting import backtest
from volumes import DATA, tasks


def shares(folds: pd.DataFrame, level: int) -> dict[str, float]:
    """Return the share inside the interval overall, by quarter of the leads and by third of the forecasts."""
    told = folds[folds["y"].notna() & (folds["deskcast"] > 0)].copy()
    inside = told["y"].between(told[f"deskcast-lo-{level}"], told[f"deskcast-hi-{level}"])
    lead = told["ds"] - told["cutoff"]
    quarter = pd.qcut(lead.rank(method="first"), 4, labels=False)
    third = pd.qcut(told["deskcast"].rank(method="first"), 3, labels=False)
    by_origin = inside.groupby(told["cutoff"]).mean()
    return {
        "all": inside.mean(),
        "2 errors": 2 * by_origin.std(ddof=1) / np.sqrt(len(by_origin)),
        **{f"lead {i + 1}": share for i, share in enumerate(inside.groupby(quarter).mean())},
        **{f"volume {i + 1}": share for i, share in enumerate(inside.groupby(third).mean())},
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--only", help="one of the tables")
    given = parser.parse_args()
    rows = []
    for name, read in tasks(given.data).items():
        if given.only in (None, name):
            folds = backtest(**read())
            rows += [{"table": name, "level": level, **shares(folds, level)} for level in (80, 95)]
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda v: f"{v:.2f}"))


if __name__ == "__main__":
    main()

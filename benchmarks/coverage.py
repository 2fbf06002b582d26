"""Coverage of the intervals by lead and by volume, on the tables of ``benchmarks/volumes.py``.

    python benchmarks/coverage.py [DATA_FOLDER] [--only bank]

One line a table and level: overall, in each quarter of the leads, and in each third of the forecasts above 0, each with
two standard errors over overlapping blocks of four origins, whose forecasts see one another's days. An interval that
holds on average may be too narrow at the peak, where people are planned, and too wide where nearly nothing comes. These
tables are the scored ones: nothing is chosen by what is printed here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting import backtest
from volumes import DATA, tasks

#: Neighbouring origins that are wrong together.
BLOCK = 4


def two_errors(inside: pd.Series, cutoff: pd.Series) -> float:
    """Return two standard errors of a share over overlapping blocks of origins; NaN where there are too few."""
    off = (inside - inside.mean()).groupby(cutoff.to_numpy()).sum().sort_index().to_numpy()
    if len(off) <= BLOCK:
        return float("nan")
    blocks = np.convolve(off, np.ones(BLOCK))
    # deviations from their own mean: as many origins as a block are lost
    variance = (blocks**2).sum() / BLOCK * len(off) / (len(off) - BLOCK)
    return float(2 * np.sqrt(variance) / len(inside))


def shares(folds: pd.DataFrame, level: int) -> dict[str, tuple[float, float]]:
    """Return the share inside the interval and two errors: overall, by quarter of leads and by third of forecasts."""
    told = folds[folds["y"].notna() & (folds["deskcast"] > 0)].copy()
    inside = told["y"].between(told[f"deskcast-lo-{level}"], told[f"deskcast-hi-{level}"])
    lead = told["ds"] - told["cutoff"]
    quarter = pd.qcut(lead.rank(method="first"), 4, labels=False)
    third = pd.qcut(told["deskcast"].rank(method="first"), 3, labels=False)
    parts = {"all": pd.Series(True, index=told.index)}
    parts |= {f"lead {i + 1}": quarter == i for i in range(4)} | {f"volume {i + 1}": third == i for i in range(3)}
    return {
        name: (float(inside[part].mean()), two_errors(inside[part], told["cutoff"][part]))
        for name, part in parts.items()
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
            for level in (80, 95):
                told = {part: f"{share:.0%} ±{errors:.0%}" for part, (share, errors) in shares(folds, level).items()}
                rows.append({"table": name, "level": level, **told})
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()

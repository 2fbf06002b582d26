"""Handle time by interval and weekday against one mean: calls to a bank, the last two weeks of a month.

Each week is estimated from the weeks before it, from single calls. The error is the root of the mean squared distance
between the mean handle time of an interval and its estimate, each interval weighted by its calls; "chance" is what
single calls make of it even where the estimate is right.

Run: ``python benchmarks/handle_times.py [FOLDER]`` with the folder that holds ``anonymous_bank_calls_feb1999``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting.staffing.handle_times import (
    estimate_handle_time_spread,
    estimate_handle_times,
    sum_by_interval,
)

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
FILE = "anonymous_bank_calls_feb1999/calls_1999_02.csv.gz"


def load(folder: Path) -> pd.DataFrame:
    """Return start and handle time of the calls that were served."""
    calls = pd.read_csv(folder / FILE)
    calls = calls[(calls["outcome"] != "PHANTOM") & (calls["server"] != "NO_SERVER") & (calls["ser_time"] > 0)]
    began = pd.to_datetime(calls["date"].astype(str) + " " + calls["ser_start"], format="mixed", errors="coerce")
    return pd.DataFrame({"ds": began, "seconds": calls["ser_time"].astype(float)}).dropna().reset_index(drop=True)


def main(folder: Path) -> None:
    """Print the error of both, by length of the interval and week."""
    calls = load(folder)
    single = float(calls["seconds"].var())
    for interval_s in (1800, 3600):
        totals = sum_by_interval(calls["ds"], calls["seconds"], interval_s)
        for begin in pd.to_datetime(["1999-02-15", "1999-02-22"]):
            past = totals[totals["ds"] < begin]
            week = totals[totals["ds"].between(begin, begin + pd.Timedelta(days=7), inclusive="left")]
            week = week.reset_index(drop=True)
            came = week["handle_s"] / week["n"]
            told = {"one mean": past["handle_s"].sum() / past["n"].sum(),
                    "by interval and weekday": estimate_handle_times(past, week["ds"])}  # fmt: skip
            errors = {k: float(np.sqrt(np.average((came - v) ** 2, weights=week["n"]))) for k, v in told.items()}
            errors["chance"] = float(np.sqrt(single * len(week) / week["n"].sum()))
            said = ", ".join(f"{name} {error:.1f} s" for name, error in errors.items())
            print(f"{interval_s / 60:.0f} min, {begin:%d %b}: {said}; days {estimate_handle_time_spread(past):.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)

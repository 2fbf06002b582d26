"""How many false alarms a week, how many shifts found and how late, beside two common rules.

python benchmarks/shifts.py [seeds]
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.models.shifts import detect_shifts

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))
from panels import KINDS, quiet, shifted

WARM = 60  # days that every method may learn from before its alarms count
SIZES = {"count": 1.3, "share": 2.5, "median": 1.5}


def same_weekday_mad(history: pd.DataFrame) -> pd.DataFrame:
    """Alarm where a value lies over 3.5 median deviations from the median of the last eight same weekdays."""
    wide = history.pivot(index="ds", columns="team", values="value")
    past = np.stack([wide.shift(7 * k).to_numpy() for k in range(1, 9)])
    middle = np.nanmedian(past, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(past - middle), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (wide.to_numpy() - middle) / spread
    return points(wide, np.abs(np.nan_to_num(z)) > 3.5)


def control_chart(history: pd.DataFrame) -> pd.DataFrame:
    """Alarm beyond three sigma of a p-chart or c-chart with the weekday mean of the last eight weeks."""
    wide = {c: history.pivot(index="ds", columns="team", values=c) for c in ("value", "n")}
    value, n = wide["value"].to_numpy(), wide["n"].to_numpy()
    past = np.stack([wide["value"].shift(7 * k).to_numpy() for k in range(1, 9)])
    middle = np.nanmean(past, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if history["numerator"].notna().any():
            z = (value - middle) / np.sqrt(middle * (1 - middle) / n)
        else:
            z = (value - middle) / np.sqrt(middle) if history["median"].isna().all() else np.zeros_like(value)
    return points(wide["value"], np.abs(np.nan_to_num(z, posinf=0, neginf=0)) > 3)


def points(wide: pd.DataFrame, marks: np.ndarray) -> pd.DataFrame:
    """Return single alarms as incidents."""
    rows, columns = np.nonzero(marks)
    return pd.DataFrame({"series": wide.columns[columns], "detected_at": wide.index[rows]})


def judge(found: pd.DataFrame, truth: pd.DataFrame, days: int) -> tuple[float, float, float]:
    """Return false alarms a week, share of the shifts found, and the median delay in days."""
    start = pd.Timestamp("2023-01-02") + pd.Timedelta(days=WARM)
    found = found[found["detected_at"] >= start]
    both = found.merge(truth, on="series", how="left")
    inside = (both["detected_at"] >= both["start"]) & (both["detected_at"] <= both["end"] + pd.Timedelta(days=14))
    hit = both[inside & (both["detected_at"] <= both["end"])].groupby("series")[["detected_at", "start"]].min()
    delay = (hit["detected_at"] - hit["start"]).dt.days
    return (~inside).sum() / ((days - WARM) / 7), len(hit) / max(len(truth), 1), float(delay.median())


def main() -> int:
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    np.seterr(all="ignore")
    warnings.simplefilter("ignore", RuntimeWarning)  # slices without values in the two common rules
    print("quiet panels of 50 series x 200 days: false alarms a week over all series")
    never = pd.to_datetime([])
    nobody = pd.DataFrame({"series": pd.Series([], dtype="str"), "start": never, "end": never})
    for kind in KINDS:
        rates = [judge(detect_shifts(quiet(kind, seed=s)), nobody, 200)[0] for s in range(seeds * 4)]
        print(f"  {kind:7s} {np.mean(rates):.2f} (largest {max(rates):.2f} of {len(rates)} panels)")
    print("200 series x 200 days with 40 shifts of 14 days: false alarms a week, share found, median delay in days")
    for kind in KINDS:
        for name, method in (("deskcast", detect_shifts), ("weekday MAD", same_weekday_mad), ("chart", control_chart)):
            if name == "chart" and kind == "median":
                continue
            start = time.perf_counter()
            rows = []
            for seed in range(seeds):
                history, truth = shifted(kind, SIZES[kind], seed=seed)
                rows.append(judge(method(history), truth, 200))
            wrong, found, delay = np.nanmean(rows, axis=0)
            took = (time.perf_counter() - start) / seeds
            print(f"  {kind:7s} x{SIZES[kind]} {name:12s} {wrong:6.2f} {found:6.0%} {delay:5.1f}   {took:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

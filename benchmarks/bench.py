"""One table of every volume set: ours, the best simple peer, the difference with its interval, and coverage.

    python benchmarks/bench.py [DATA_FOLDER] [--only helpline] [--out build/benchmarks.md]        (or: make bench)

WQL of the recommended forecast and of the better of the two naive methods (average of the last eight weeks, seasonal
naive); the difference as a share of the peer, with an interval of 95 % from draws of origins in blocks of four, since
neighbours are wrong together; coverage of the 80 and 95 % intervals overall, by quarter of the leads and by third of
the forecasts, with two errors over blocks of origins and a star where it is off by more than 2 points (a part: 4) and
by more than two errors; both for each set as a whole and for its tiers of volume where it has several. Libraries are
compared by ``benchmarks/peers.py``, which takes an hour.

The sets are those of ``benchmarks/volumes.py``, where it is said what their earlier parts have chosen and how often
their scored parts were looked at, and the calls to a helpline by week and province from 2021 on, about the last third
by date. Its years to 2020 were among those on which things were chosen; its scored part is printed once a version. The
requests of ``baltimore_311`` are a random sample and no volume; ``benchmarks/breach_due_times.py`` scores the risk of
their due times.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from coverage import BLOCK, shares
from deskcast.features.arrays import Floats
from deskcast.forecasting import backtest
from deskcast.forecasting.volume.losses import pinball
from volumes import DATA, tasks

PEERS, LEVELS, DRAWS = ("same_slot", "seasonal_naive"), (80, 95), 2000

#: How far the share of all and of a part may be from the level, in points.
MISS_OF_ALL, MISS_OF_PART = 0.02, 0.04

#: First day of the scored third of the helpline, days between the ends of its histories, and its last whole week.
HELPLINE_FIRST, HELPLINE_STEP_DAYS, HELPLINE_LAST = "2021-01-04", 12 * 7, "2024-09-23"


def helpline(folder: Path) -> pd.DataFrame:
    """Return calls by week (from Monday) and province; provinces that a year's last week cut are added up."""
    rows = pd.read_csv(folder / "helpline_1522_weekly" / "calls_by_province.csv.gz", parse_dates=["date"])
    rows["ds"] = rows["date"] - pd.to_timedelta(rows["date"].dt.day_of_week, unit="D")
    weekly = rows.groupby(["province", "ds"])["calls"].sum()
    whole = pd.MultiIndex.from_product([rows["province"].unique(), np.sort(rows["ds"].unique())], names=["u", "ds"])
    weekly = weekly.reindex(whole, fill_value=0).astype(float).reset_index()
    weekly.columns = ["unique_id", "ds", "y"]
    return weekly[weekly["ds"] <= HELPLINE_LAST]


def helpline_folds(folder: Path) -> pd.DataFrame:
    """Return folds over the last third: twelve origins before each of several ends of the history."""
    history = helpline(folder)
    ends = pd.date_range(HELPLINE_FIRST, HELPLINE_LAST, freq=f"{HELPLINE_STEP_DAYS}D")[1:]
    parts = [backtest(history[history["ds"] <= end], 4, "W", windows=12) for end in ends]
    folds = pd.concat(parts).drop_duplicates(["unique_id", "ds", "cutoff"])
    return folds[folds["ds"] >= HELPLINE_FIRST]


def losses(folds: pd.DataFrame, model: str) -> Floats:
    """Return the quantile losses of each origin, in sum, in rising order of origins."""
    y, total = folds["y"].to_numpy(), 2 * pinball((folds["y"] - folds[model]).to_numpy(), 0.5)
    for level in LEVELS:
        for side, p in (("lo", 0.5 - level / 200), ("hi", 0.5 + level / 200)):
            total = total + 2 * pinball(y - folds[f"{model}-{side}-{level}"].to_numpy(), p)
    by_origin = pd.Series(total / (2 * len(LEVELS) + 1)).groupby(folds["cutoff"].to_numpy()).sum()
    return np.asarray(by_origin.sort_index().to_numpy())


def compare(folds: pd.DataFrame) -> dict[str, Any]:
    """Return WQL of ours and of the best peer, and the interval of the difference as a share of the peer."""
    volume = float(folds["y"].sum())
    ours, found = losses(folds, "deskcast"), {peer: losses(folds, peer) for peer in PEERS}
    best = min(found, key=lambda name: float(found[name].sum()))
    rng = np.random.default_rng(0)
    blocks = np.arange(len(ours)) // BLOCK
    drawn = rng.integers(0, blocks.max() + 1, (DRAWS, blocks.max() + 1))
    of_blocks = [np.bincount(blocks, weights=loss) for loss in (ours, found[best])]
    ratio = of_blocks[0][drawn].sum(axis=1) / of_blocks[1][drawn].sum(axis=1) - 1
    low, high = np.quantile(ratio, [0.025, 0.975])
    return {
        "WQL": ours.sum() / volume,
        "peer": best,
        "WQL of peer": found[best].sum() / volume,
        "difference": f"{ours.sum() / found[best].sum() - 1:+.1%} ({low:+.1%} to {high:+.1%})",
    }


def covered(folds: pd.DataFrame) -> dict[str, str]:
    """Return coverage by level with two errors: overall, by quarter of the leads, by third of the volumes.

    A star stands where the share is off by more than it may be and by more than two errors.
    """
    found = {}
    for level in LEVELS:
        told = {
            part: f"{share:.0%} ±{errors:.0%}{'*' if _is_off(part, share - level / 100, errors) else ''}"
            for part, (share, errors) in shares(folds, level).items()
        }
        found[f"{level}%"] = told["all"]
        found[f"{level}% by lead"] = ", ".join(told[f"lead {i}"] for i in range(1, 5))
        found[f"{level}% by volume"] = ", ".join(told[f"volume {i}"] for i in range(1, 4))
    return found


def _is_off(part: str, miss: float, errors: float) -> bool:
    return abs(miss) > max(MISS_OF_ALL if part == "all" else MISS_OF_PART, errors)


def sets(folder: Path, only: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Return the folds of each set, and of the tiers of one with many series."""
    for name, read in tasks(folder).items():
        if only in (None, name):
            yield name, backtest(**read())
    if only in (None, "helpline"):
        folds = helpline_folds(folder)
        yield "helpline, provinces a week", folds
        mean = folds.groupby("unique_id")["deskcast"].transform("mean")
        for label, low, high in (("below 0.7", 0.0, 0.7), ("0.7 to 5", 0.7, 5.0), ("5 and more", 5.0, np.inf)):
            part = folds[(mean >= low) & (mean < high)]
            if len(part):
                yield f"helpline, {label} a week", part


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--only", help="one of the sets")
    parser.add_argument("--out", type=Path, help="a file to write the table to")
    given = parser.parse_args()
    lines: list[str] = []
    for name, folds in sets(given.data, given.only):
        row = {"data": name, **compare(folds), **covered(folds)}
        cells = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()]
        head = [] if lines else [f"| {' | '.join(row)} |", "|" + "---|" * len(row)]
        lines += [*head, f"| {' | '.join(cells)} |"]
        print("\n".join([*head, lines[-1]]), flush=True)
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

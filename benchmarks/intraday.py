"""The rest of a day re-forecast at 10, 12 and 14 h, against the morning's forecast and scaling by the share so far.

python benchmarks/intraday.py [--part last|first]

The bank's quarter hours. Every day is forecast on its morning from the days before; what carries on of the surprise is
learned from days before the one that is scored. Anything that is chosen was chosen on the days before the last third;
the last third is scored once. Errors are of all quarter hours that are left of the day, as a share of their volume, and
differences are paired by day.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting.intraday.reforecast import MIN_PAST_DAYS, backtest_reforecast
from deskcast.forecasting.volume.forecast import forecast
from volumes import bank_calls

HOURS = (10, 12, 14)
#: Days before the first morning that is forecast.
FIRST_DAYS = 30
METHODS = ("morning", "scaled", "reforecast")


def forecast_mornings(folder: Path) -> pd.DataFrame:
    """Return ``ds, forecast, y`` of every day from the 31st on, each forecast from the days before it."""
    volumes, calendar = bank_calls(folder)
    day = volumes["ds"].dt.normalize()
    parts = []
    for morning in sorted(day.unique())[FIRST_DAYS:]:
        past = volumes[volumes["ds"] < morning]
        slots = int((morning + pd.Timedelta("1D") - past["ds"].max()) / pd.Timedelta("15min"))
        ahead = forecast(past, slots, "15min", levels=(80,), calendar=calendar, windows=3)
        ahead = ahead[ahead["ds"] >= morning].rename(columns={"deskcast": "forecast"})
        parts.append(ahead[["ds", "forecast"]].merge(volumes.loc[day == morning, ["ds", "y"]], on="ds"))
    return pd.concat(parts, ignore_index=True)


def paired(errors: pd.DataFrame, other: str) -> tuple[float, float]:
    """Return the mean gain over another method as a share of the volume, and its standard error, paired by day."""
    gain = (errors[other] - errors["reforecast"]) / errors["volume"]
    return float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))


def main() -> None:
    """Print the table of errors, and the gains with their standard errors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / ".." / "shared" / "data")
    parser.add_argument("--part", choices=("last", "first"), default="last")
    given = parser.parse_args()
    rows = forecast_mornings(given.data)
    days = rows["ds"].dt.normalize().drop_duplicates().sort_values()
    first_scored = days.iloc[len(days) - (len(days) + FIRST_DAYS) // 3]
    print(f"{'hour':>4} {'days':>4}  " + "".join(f"{m:>12}" for m in METHODS) + "   gain over morning, scaled (z)")
    every = []
    for hour in HOURS:
        errors = backtest_reforecast(rows, hour, 2 * MIN_PAST_DAYS)
        last = errors["day"] >= first_scored
        errors = errors[last if given.part == "last" else ~last]
        every.append(errors.set_index("day"))
        _line(f"{hour:>4}", errors, "")
        _line("  sum", errors, "-total")
    _line(" all", sum(every[1:], every[0]).dropna().reset_index(), "")


def _line(head: str, errors: pd.DataFrame, kind: str) -> None:
    """Print one row: errors by interval, or of the total of the rest of the day."""
    named = errors[["volume"]].assign(**{m: errors[f"{m}{kind}"] for m in METHODS})
    shares = [named[m].sum() / named["volume"].sum() for m in METHODS]
    gains = [paired(named, other) for other in METHODS[:2]]
    said = ", ".join(f"{100 * gain:.2f} points ({gain / error:.1f})" for gain, error in gains)
    print(f"{head} {len(errors):>4}  " + "".join(f"{share:>12.2%}" for share in shares) + f"   {said}")


if __name__ == "__main__":
    main()

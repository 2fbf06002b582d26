"""What each method earns, by frequency and tier of volume, on development data: the reason why it is tried or not.

    python benchmarks/methods_table.py [DATA_FOLDER] [--only "council weeks"]

Every method alone, at origins two or four weeks (a month) apart; its quantile loss with the quantiles of its own
errors, so that methods are compared and not their intervals, as a share of that of the core: 0.95 is 5 % less. "Beyond
noise" means that the paired differences of origins are below 0 by more than two standard errors, and is marked by a
star.

Data: council cases of New York to October 2019 in all, by borough, complaint type and office, as days, weeks and
months; calls to a helpline by week to 2020; bank calls before August 2003; and made-up daily calls with a sharp season,
holidays and days around them, business days of the month and levels that wander. Nothing of the scored parts is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench import helpline
from deskcast.features.arrays import Floats
from deskcast.forecasting.volume.combination import TIER_NAMES, assign_volume_tiers, is_beyond_noise
from deskcast.forecasting.volume.losses import pinball
from deskcast.forecasting.volume.method_forecasts import forecast_all_methods
from deskcast.forecasting.volume.request import ForecastRequest
from volumes import DATA, bank_calls

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
COUNCIL_UNTIL, HELPLINE_UNTIL, BANK_UNTIL = "2019-10-31", "2020-12-21", "2003-07-25"
COMMON = ("core", "same_slot", "seasonal_naive", "recent_level")
LONG = (*COMMON, "exponential_level", "exponential_damped", "theta", "boosting")
BY_FREQUENCY = {
    "D": (*LONG, "week_season"),
    "W": LONG,
    "MS": LONG,
    "15min": (*COMMON, "week_season", "day_season", "slots_apart", "exponential_level", "boosting"),
}


def council(folder: Path, by: str | None, freq: str, most: int = 40) -> pd.DataFrame:
    """Return council cases by a column, the ``most`` largest members of it, by day, whole week or month."""
    columns = ["opendate", *([by] if by else [])]
    file = folder / "nyc_council_cases" / "council_cases.csv.gz"
    rows = pd.read_csv(file, usecols=columns, parse_dates=["opendate"])
    rows = rows[rows["opendate"] <= COUNCIL_UNTIL]
    member = rows[by].fillna("none").astype(str) if by else pd.Series("all", index=rows.index)
    rows = rows.assign(member=member)[member.isin(member.value_counts().index[:most])]
    days = pd.crosstab(rows["opendate"], rows["member"]).asfreq("D", fill_value=0)
    if freq != "D":
        days = days.resample("W-MON" if freq == "W" else "MS", label="left", closed="left").sum()
        days = days.iloc[1:-1] if freq == "W" else days
    long = days.stack().rename("y").astype(float).reset_index()
    return long.set_axis(["ds", "unique_id", "y"], axis=1)


def made_calls(seed: int, series: int, years: float = 3.0) -> pd.DataFrame:
    """Make daily calls with what the calendar does to them, each series with effects of its own."""
    import holidays

    rng = np.random.default_rng(seed)
    days = pd.date_range("2016-01-04", periods=int(365.25 * years))
    listed = holidays.country_holidays("US", years=range(2015, 2022))
    off = np.array([day.date() in listed for day in days])
    weekday, year = days.day_of_week.to_numpy(), days.day_of_year.to_numpy()
    business = (weekday < 5) & ~off
    month = np.asarray(days.to_period("M"))
    first = pd.Series(business).groupby(month).cumsum().to_numpy()
    parts = []
    for number in range(series):
        week = np.array([1.25, 1.1, 1.05, 1.0, 0.95, 0.3, 0.2]) * np.exp(rng.normal(0, 0.05, 7))
        log = np.log(week[weekday]) + rng.normal(-1.2, 0.4) * off * np.where(weekday < 5, 1.0, 0.4)
        for place, size in ((1, 0.18), (2, 0.08), (3, 0.04)):
            log += business * (first == place) * rng.normal(size, 0.05)
        after = np.flatnonzero(off & (weekday < 5))
        for day in after:
            later = np.flatnonzero(business[day:])[:1] + day
            log[later] += rng.normal(0.22, 0.05)
        log += rng.uniform(0.1, 0.4) * np.exp(-0.5 * ((year - rng.choice([25, 100, 250])) / 12) ** 2)
        log += 0.12 * np.sin(2 * np.pi * (year / 365.25 - rng.uniform())) + 0.06 * (weekday == 0) * np.cos(year / 58.1)
        wander = np.zeros(len(days))
        for day in range(1, len(days)):
            wander[day] = 0.85 * wander[day - 1] + rng.normal(0, 0.03)
        log += wander + rng.normal(0, 0.06, len(days)) + 0.05 * rng.normal() * np.arange(len(days)) / 365.25
        mean = 600 * np.exp(rng.normal(0, 0.8 if series > 1 else 0.0)) * np.exp(log)
        parts.append(pd.DataFrame({"unique_id": f"s{number}", "ds": days, "y": rng.poisson(mean).astype(float)}))
    return pd.concat(parts, ignore_index=True)


def sets(folder: Path) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return the arguments of each request, read when called, with origins and slots between them."""
    found: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, by in (("all", None), ("boroughs", "borough"), ("types", "complaint_type"), ("offices", "account")):
        for freq, horizon, step in (("D", 28, 28), ("W", 4, 2), ("MS", 3, 1)):
            more = {"horizon": horizon, "freq": freq, "step": step, "holidays": "US" if freq == "D" else None}
            words = {"D": "days", "W": "weeks", "MS": "months"}[freq]
            found[f"council {name}, {words}"] = lambda by=by, more=more: {
                "history": council(folder, by, more["freq"]),
                **more,
            }

    def provinces() -> dict[str, Any]:
        history = helpline(folder)
        return {"history": history[history["ds"] <= HELPLINE_UNTIL], "horizon": 4, "freq": "W", "step": 2}

    def bank() -> dict[str, Any]:
        history, calendar = bank_calls(folder)
        history = history[history["ds"] <= BANK_UNTIL]
        return {"history": history, "calendar": calendar, "horizon": 672, "freq": "15min", "step": 672}

    daily = {"horizon": 28, "freq": "D", "step": 28, "holidays": "US"}
    found["helpline, weeks"] = provinces
    found["bank, quarter hours"] = bank
    for seed in (1, 2, 3):
        found[f"made-up calls {seed}, days"] = lambda seed=seed: {"history": made_calls(seed, 1), **daily}
    found["made-up calls, 8 queues, days"] = lambda: {"history": made_calls(4, 8), **daily}
    return found


def loss_by_origin(y: Floats, point: Floats) -> Floats:
    """Return the quantile loss of each origin, of O x N x H values, with the quantiles of the forecast's own errors."""
    size = np.sqrt(np.maximum(point, 0.05))
    scaled = (y - point) / size
    edges = [np.nanquantile(scaled, q) if q != 0.5 else 0.0 for q in QUANTILES]
    parts = [pinball(y - point - edge * size, q) for edge, q in zip(edges, QUANTILES, strict=True)]
    total: Floats = 2 * np.nansum(np.mean(parts, axis=0), axis=(1, 2))
    return total


def measure(arguments: dict[str, Any], windows: int = 20) -> list[dict[str, Any]]:
    """Return a row for each tier: the loss of the core, and that of each method as a share of it."""
    step = arguments.pop("step")
    history, freq = arguments.pop("history"), arguments["freq"]
    request = ForecastRequest(**arguments)
    grid, special, _ = request.panel(history)
    horizon, methods = request.horizon, BY_FREQUENCY[freq]
    origins = [grid.length - horizon - step * i for i in range(windows)]
    origins = [o for o in origins if o >= grid.length / 3]
    made = [forecast_all_methods(grid, special, o, horizon, methods) for o in origins]
    came = np.stack([np.where(grid.is_open[:, o : o + horizon], grid.y[:, o : o + horizon], np.nan) for o in origins])
    tier = assign_volume_tiers(made[0].level, made[0].step)
    rows = []
    for number in np.unique(tier[tier >= 0]):
        own = tier == number
        losses = {m: loss_by_origin(came[:, own], np.stack([each.points[m][own] for each in made])) for m in methods}
        core = losses["core"]
        row = {"tier": TIER_NAMES[number], "series": int(own.sum()), "WQL": core.sum() / np.nansum(came[:, own])}
        for method in methods[1:]:
            star = "*" if is_beyond_noise(losses[method] - core) else ""
            row[method] = f"{losses[method].sum() / core.sum():.2f}{star}"
        rows.append(row)
    return rows


def main() -> None:
    """Print a table for each frequency."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--only", help="one of the sets")
    given = parser.parse_args()
    for name, read in sets(given.data).items():
        if given.only in (None, name):
            for row in measure(read()):
                cells = " | ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values())
                print(f"| {name} | {cells} |", flush=True)
                if given.only:
                    print(" | ".join(["set", *row]))


if __name__ == "__main__":
    main()

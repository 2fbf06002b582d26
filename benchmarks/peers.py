"""Volume forecasts next to the specialist libraries: same series, same origins, same days known, one way of scoring.

    python benchmarks/peers.py                                # everything here, if the extra `bench` is installed
    python benchmarks/peers.py --write FOLDER                 # or in three steps, the second in an environment
    other/python benchmarks/peers.py --run FOLDER             # of its own (statsforecast holds scipy back)
    python benchmarks/peers.py --score FOLDER

Tables and protocol are those of ``benchmarks/volumes.py``. The peers get the same closed days and the same calendar
flags (business day of the month from both ends, days around days off, the middle of the month, turn of the year,
holidays) and forecast open slots alone:

* Prophet, tuned: the best of ``PROPHET_GRID`` on the two origins before the first that is scored; and as it comes.
* LightGBM through mlforecast: same-slot lags, their mean, flags, slot and weekday; conformal intervals.
* MSTL with AutoARIMA or AutoETS for the trend, AutoETS and the seasonal mean of six weeks, from statsforecast. Closed
  weekdays are filled with the week before for them, who know no gaps.

A method that takes longer than ``--limit`` seconds for its first fold is left out of the table, which says so. The
difference of the weighted quantile loss to ours stands with the 95 % interval of 2,000 resamplings of days (all rows
of a day together). CPU seconds are per fold, of the process and its children.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import resource
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peer_models import GROUP, NEEDS, PEERS, PROBABILITIES, prophet_tuned, tune_prophet


def write(folder: Path, data: Path | None, only: str | None) -> None:
    """Write the series, open slots, flags and origins of each table, and our folds."""
    import volumes
    from deskcast.forecasting import backtest
    from deskcast.forecasting.grid.grid import make_grid
    from deskcast.forecasting.grid.special_days import mark_special_days
    from deskcast.forecasting.methods.calendar_effects import build_day_design

    folder.mkdir(parents=True, exist_ok=True)
    for name, read in volumes.tasks(data or volumes.DATA).items():
        if only not in (None, name):
            continue
        given = read()
        folds = backtest(**given)
        folds.to_parquet(folder / f"{name}_deskcast.parquet")
        known = {key: given.get(key) for key in ("calendar", "holidays")}
        grid = make_grid(given["history"], given["horizon"], given["freq"], **known)
        special, _ = mark_special_days(grid, given.get("holidays"))
        stamps = grid.stamps(0, grid.length)
        per_day = grid.frequency.per_day
        days = np.unique(stamps.astype("datetime64[D]"))
        place = np.searchsorted(days, stamps.astype("datetime64[D]"))
        opened = grid.is_open[0, : grid.length]
        day_open = np.bincount(place, opened, len(days)) > 0
        kind = np.full(len(days), -1)
        kind[place] = special.kind[: grid.length]
        volume = np.bincount(place, np.where(opened, np.nan_to_num(grid.y[0]), 0.0), len(days))
        weekday = (days.astype(np.int64) + 3) % 7
        usual = np.array([np.median(volume[weekday == d]) for d in range(7)])
        design = build_day_design(days, len(days), day_open, usual > 0.25 * usual.max(), kind, special)
        flags = [
            (n, design.x[place, i])
            for i, n in enumerate(design.names)
            if not n.startswith(("weekday", "level", "trend", "year"))
        ]
        frame = pd.DataFrame({"ds": stamps, "y": grid.y[0], "open": opened})
        frame = frame.assign(**{f"flag_{i}": values for i, (_, values) in enumerate(flags)})
        frame.to_parquet(folder / f"{name}_series.parquet")
        about = {
            "horizon": given["horizon"],
            "per_day": per_day,
            "cutoffs": sorted(folds["cutoff"].astype(str).unique()),
            "seconds": folds.attrs["seconds"]["deskcast"],
            "flags": [n for n, _ in flags],
        }
        (folder / f"{name}.json").write_text(json.dumps(about))
        print(f"{name}: {len(frame):,} slots, {len(about['cutoffs'])} origins, {len(flags)} flags")


def weekly_slots(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the slots of the week that are ever open, so that a week always has as many; mark them by number."""
    slot = frame["ds"].dt.day_of_week * 1440 + frame["ds"].dt.hour * 60 + frame["ds"].dt.minute
    share = frame.groupby(slot)["open"].transform("mean")
    kept = frame[share > 0.1].copy()
    kept["slot"] = slot[share > 0.1]
    return kept.reset_index(drop=True)


def run(folder: Path, only: str | None, peers: list[str], limit: float) -> None:
    """Run the peers on every table and origin, and write their folds."""
    for about_file in sorted(folder.glob("*.json")):
        name = about_file.stem
        if only not in (None, name):
            continue
        about = json.loads(about_file.read_text())
        frame = weekly_slots(pd.read_parquet(folder / f"{name}_series.parquet"))
        for peer, function in PEERS.items():
            group = GROUP[peer]
            done = [folder / f"{name}_{peer}{end}" for end in (".parquet", ".txt")]
            if group not in peers or any(file.exists() for file in done):
                continue
            lacks = [p for p in NEEDS[group] if importlib.util.find_spec(p) is None]
            if lacks:
                print(f"{peer} is left out: {', '.join(lacks)} is missing (extra `bench`)")
                continue
            folds, seconds, said = _folds(frame, about, function, limit)
            if folds is None:
                print(f"{name}, {peer}: {said}", flush=True)
                (folder / f"{name}_{peer}.txt").write_text(said)
                continue
            folds["seconds"] = seconds
            folds.to_parquet(folder / f"{name}_{peer}.parquet")
            print(f"{name}, {peer}: {seconds:.1f} s of CPU a fold {said}", flush=True)


def _folds(
    frame: pd.DataFrame, about: dict[str, Any], function: Callable[..., Any], limit: float
) -> tuple[pd.DataFrame | None, float, str]:
    """Run one peer at each origin; the first fold in a process of its own, which is ended at the limit."""
    cutoffs = [pd.Timestamp(c) for c in about["cutoffs"]]
    settings: dict[str, Any] = {}
    if function is prophet_tuned:
        settings = tune_prophet(frame, about, cutoffs[0])
    parts, seconds = [], []
    for number, cutoff in enumerate(cutoffs):
        past = frame[frame["ds"] <= cutoff]
        ahead = frame[frame["ds"] > cutoff].head(_ahead(frame, about, cutoff))
        begun = _cpu()
        if number == 0 and limit:
            context = multiprocessing.get_context("spawn")
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_first, args=(sender, function, past, ahead, about, settings))
            process.start()
            sender.close()
            if not receiver.poll(limit):
                process.kill()
                process.join()
                return None, 0.0, f"not ended after {limit:.0f} s on the first fold"
            try:
                found, spent = receiver.recv()
            except EOFError:
                return None, 0.0, "ended without an answer on the first fold"
            process.join()
            if isinstance(found, str):
                return None, 0.0, found
            seconds.append(spent)
        else:
            found = function(past, ahead, about, **settings)
            seconds.append(_cpu() - begun)
        found = np.maximum(found, 0.0)
        columns = dict(zip(["lo-95", "lo-80", "point", "hi-80", "hi-95"], found.T, strict=True))
        parts.append(pd.DataFrame({"cutoff": cutoff, "ds": ahead["ds"].to_numpy(), **columns}))
    return pd.concat(parts, ignore_index=True), float(np.mean(seconds)), str(settings or "")


def _first(sender: Any, function: Any, past: pd.DataFrame, ahead: pd.DataFrame, about: Any, settings: Any) -> None:
    warnings.filterwarnings("ignore")
    begun = _cpu()
    try:
        found = function(past, ahead, about, **settings)
    except Exception as error:  # noqa: BLE001 - a peer that fails is named in the table
        found = f"{type(error).__name__}: {error}"[:200]
    sender.send((found, _cpu() - begun))


def _ahead(frame: pd.DataFrame, about: dict[str, Any], cutoff: pd.Timestamp) -> int:
    per_day = max(about["per_day"], 1)
    last = cutoff + pd.Timedelta(days=1) * about["horizon"] / per_day
    return int(((frame["ds"] > cutoff) & (frame["ds"] <= last)).sum())


def _cpu() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def score(folder: Path, only: str | None = None) -> pd.DataFrame:
    """Score every method on the rows of our folds, and print a table for each series."""
    tables = []
    for about_file in sorted(folder.glob("*.json")):
        name = about_file.stem
        if only not in (None, name):
            continue
        table = _table(folder, name)
        tables.append(table.assign(table=name))
        print(f"\n{name}")
        print(table.to_string(index=False, float_format=lambda v: f"{v:.4f}"))
        for missing in sorted(folder.glob(f"{name}_*.txt")):
            print(f"left out: {missing.stem.removeprefix(name + '_')}: {missing.read_text()}")
    return pd.concat(tables, ignore_index=True)


def _table(folder: Path, name: str) -> pd.DataFrame:
    from deskcast.forecasting.volume.losses import coverage, wape, wql

    ours = pd.read_parquet(folder / f"{name}_deskcast.parquet")
    y, p = ours["y"].to_numpy(dtype=float), np.array(PROBABILITIES)
    methods: dict[str, tuple[np.ndarray, float]] = {}
    for model in [c for c in ours.columns if f"{c}-lo-80" in ours.columns]:
        columns = [f"{model}-lo-95", f"{model}-lo-80", model, f"{model}-hi-80", f"{model}-hi-95"]
        seconds = ours.attrs.get("seconds", {}).get(model, float("nan"))
        methods[model] = ours[columns].to_numpy(dtype=float), seconds
    for peer in PEERS:
        file = folder / f"{name}_{peer}.parquet"
        if file.exists():
            theirs = pd.read_parquet(file)
            theirs["cutoff"] = theirs["cutoff"].astype(ours["cutoff"].dtype)
            theirs["ds"] = theirs["ds"].astype(ours["ds"].dtype)
            joined = ours[["cutoff", "ds"]].merge(theirs, on=["cutoff", "ds"], how="left")
            edges = joined[["lo-95", "lo-80", "point", "hi-80", "hi-95"]].to_numpy(dtype=float)
            if np.isnan(edges).any():
                print(f"{name}, {peer}: {int(np.isnan(edges).any(axis=1).sum())} rows without a forecast count as 0")
            methods[peer] = np.nan_to_num(edges), float(theirs["seconds"].iloc[0])
    losses = {m: (2 * _pinball(y[:, None] - edges, p)).mean(axis=1) for m, (edges, _) in methods.items()}
    rows = []
    for method, (edges, seconds) in methods.items():
        low, high = difference(losses[method] - losses["deskcast"], y, ours["ds"])
        rows.append(
            {
                "model": method,
                "wape": wape(y, edges[:, 2]),
                "wql": wql(y, edges, p),
                "coverage_80": coverage(y, edges[:, 1], edges[:, 3]),
                "coverage_95": coverage(y, edges[:, 0], edges[:, 4]),
                "cpu_s": seconds,
                "wql_less_ours_lo": low,
                "wql_less_ours_hi": high,
            }
        )
    return pd.DataFrame(rows).sort_values("wql", ignore_index=True)


def _pinball(error: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.maximum(p * error, (p - 1) * error)


def difference(loss: np.ndarray, y: np.ndarray, ds: pd.Series, resamplings: int = 2000) -> tuple[float, float]:
    """Return the 95 % interval of a difference of weighted quantile losses, by resampling days."""
    _, day = np.unique(ds.to_numpy().astype("datetime64[D]"), return_inverse=True)
    total, volume = np.bincount(day, loss), np.bincount(day, y)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(total), (resamplings, len(total)))
    found = total[drawn].sum(axis=1) / np.maximum(volume[drawn].sum(axis=1), 1e-12)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Write, run and score, or one of them."""
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", type=Path, help="write series, flags and origins to this folder, and our folds")
    parser.add_argument("--run", type=Path, help="run the peers on a folder that was written")
    parser.add_argument("--score", type=Path, help="score what stands in a folder")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", help="one of the tables")
    parser.add_argument("--peers", default="statistical,lightgbm,prophet", help="which groups of peers to run")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that the first fold of a peer may take")
    parser.add_argument("--python", help="the interpreter that runs the peers, if it is another one")
    given = parser.parse_args()
    groups = given.peers.split(",")
    if given.write:
        write(given.write, given.data, given.only)
    if given.run:
        run(given.run, given.only, groups, given.limit)
    if given.score:
        score(given.score, given.only)
    if not (given.write or given.run or given.score):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, given.data, given.only)
            if given.python:
                more = ["--only", given.only] if given.only else []
                steps = [given.python, __file__, "--run", name, "--peers", given.peers, "--limit", str(given.limit)]
                subprocess.run([*steps, *more], check=True)
            else:
                run(folder, given.only, groups, given.limit)
            score(folder, given.only)


if __name__ == "__main__":
    main()

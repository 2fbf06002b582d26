"""Case history and daily KPI history by channel: deskcast, hand-written SQL, tuned pandas and Polars on the same files.

    python benchmarks/histories.py [--cases 2000000] [--events 10000000] [--rounds 1]

Each contestant runs in a process of its own, reads the same Parquet files and writes the same two tables; these are
compared value by value, in the columns that both have (deskcast adds a few). Seconds of the clock, of the processor,
and peak memory are printed. On a busy machine the seconds of the processor tell more.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from histories_pandas import run_pandas
from histories_polars import run_polars
from histories_sql import run_sql
from made_log import write_log

KPIS = (
    *("cases_opened", "cases_resolved", "backlog", "first_response_time", "resolution_time"),
    *("reopen_rate", "transfer_rate", "escalation_rate"),
)


def run_deskcast(folder: Path, out: Path) -> None:
    """Derive both tables with deskcast."""
    from deskcast.features.case_log.log import CaseLog
    from deskcast.features.cases.facts import write_case_history
    from deskcast.features.kpis.kpi_history import kpi_history

    log = CaseLog.from_parquet(folder)
    write_case_history(log, out / "cases.parquet")
    kpi_history(log, KPIS, by="channel").to_parquet(out / "kpis.parquet")


CONTESTANTS = {"deskcast": run_deskcast, "sql": run_sql, "pandas": run_pandas, "polars": run_polars}


def one(name: str, folder: Path, out: Path) -> None:
    """Run one contestant in this process and print what it took."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    CONTESTANTS[name](folder, out)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "peak_gb": used.ru_maxrss / 1e6}))


def differences(mine: Path, other: Path) -> list[str]:
    """Name the columns in which the tables of two contestants differ."""
    found = []
    for table, keys in (("cases", ["case_id"]), ("kpis", ["kpi", "channel", "ds"])):
        a, b = (pd.read_parquet(p / f"{table}.parquet").sort_values(keys, ignore_index=True) for p in (mine, other))
        if len(a) != len(b):
            found.append(f"{table}: {len(a)} rows against {len(b)}")
            continue
        for column in a.columns:
            if column not in b.columns:  # what the other was not asked for
                continue
            left, right = a[column], b[column]
            if pd.api.types.is_datetime64_any_dtype(left):
                left, right = (pd.to_datetime(x, utc=True).astype("datetime64[us, UTC]") for x in (left, right))
                same = (left == right) | (left.isna() & right.isna())
            elif pd.api.types.is_numeric_dtype(left) and not pd.api.types.is_bool_dtype(left):
                left, right = (x.astype("float64").to_numpy() for x in (left, right))
                same = np.isclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True)
            else:
                same = (left == right).fillna(False) | (left.isna() & right.isna())
            if not np.all(same):
                found.append(f"{table}.{column}: {int((~np.asarray(same)).sum())} values")
    return found


def main() -> None:
    """Draw the log, run all contestants in turn, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=2_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--one", nargs=3)
    parser.add_argument("--log", type=Path, help="a folder with a log drawn before")
    asked = parser.parse_args()
    if asked.one:
        return one(asked.one[0], Path(asked.one[1]), Path(asked.one[2]))
    with tempfile.TemporaryDirectory() as place:
        folder = asked.log or Path(place) / "log"
        if asked.log is None:
            cases, events = write_log(folder, asked.cases, asked.events)
            print(f"{cases:,} cases, {events:,} events", flush=True)
        best: dict[str, dict[str, float]] = {}
        for _ in range(asked.rounds):
            for name in CONTESTANTS:
                out = Path(place) / name
                command = [sys.executable, __file__, "--one", name, str(folder), str(out)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                took = json.loads(done.stdout.strip().splitlines()[-1])
                before = best.get(name, took)
                best[name] = {key: min(took[key], before[key]) for key in took}
        print(f"{'':10} {'seconds':>9} {'cpu s':>8} {'peak GB':>8}")
        for name, took in best.items():
            print(f"{name:10} {took['seconds']:>9.1f} {took['cpu']:>8.1f} {took['peak_gb']:>8.2f}")
        for name in list(CONTESTANTS)[1:]:
            ratio = {key: best[name][key] / best["deskcast"][key] for key in ("seconds", "cpu")}
            print(f"{name} takes {ratio['seconds']:.2f} times the seconds ({ratio['cpu']:.2f} of the processor)")
            wrong = differences(Path(place) / "deskcast", Path(place) / name)
            print("  the same tables" if not wrong else "  DIFFERENT: " + "; ".join(wrong))
    return None


if __name__ == "__main__":
    main()

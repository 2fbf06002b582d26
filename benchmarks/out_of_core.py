"""A log larger than memory: case history and daily KPI history by channel, with the engine held to a memory limit.

    python benchmarks/out_of_core.py [--cases 10000000] [--events 100000000] [--memory 2GB] [--folder DIR]

The log is drawn piece by piece into Parquet files in a temporary folder (about 20 bytes an event), so is what the
engine puts aside; both are removed at the end. The derivation runs in a process of its own, whose peak is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made_log import write_log

KPIS = ("cases_opened", "cases_resolved", "backlog", "first_response_time", "resolution_time", "reopen_rate")


def derive(folder: Path, memory: str) -> None:
    """Write the case history and the KPI history in this process, and print what each took."""
    from deskcast.features.case_log.log import CaseLog
    from deskcast.features.cases.facts import write_case_history
    from deskcast.features.kpis.kpi_history import kpi_history

    began = time.perf_counter()
    log = CaseLog.from_parquet(
        {name: folder / "log" / name for name in ("cases", "events")},
        memory_limit=memory,
        temp_directory=folder / "spill",
    )
    write_case_history(log, folder / "cases.parquet")
    took = {"history_s": time.perf_counter() - began, "history_gb": _peak()}
    began = time.perf_counter()
    table = kpi_history(log, KPIS, by="channel")
    took |= {"kpis_s": time.perf_counter() - began, "peak_gb": _peak(), "kpi_rows": len(table)}
    took["opened"] = float(table.loc[table["kpi"] == "cases_opened", "n"].sum())
    print(json.dumps(took))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Draw, derive, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000_000)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--folder", type=Path, help="where there is room; the system's temporary folder by default")
    parser.add_argument("--derive", type=Path)
    asked = parser.parse_args()
    if asked.derive:
        return derive(asked.derive, asked.memory)
    needed, there = asked.events * 300, shutil.disk_usage(asked.folder or tempfile.gettempdir()).free
    if there < needed:
        sys.exit(f"this needs about {needed / 1e9:.0f} GB of disk, there are {there / 1e9:.0f} GB")
    with tempfile.TemporaryDirectory(dir=asked.folder) as place:
        folder = Path(place)
        (folder / "spill").mkdir()
        began = time.perf_counter()
        cases, events = write_log(folder / "log", asked.cases, asked.events)
        print(f"{cases:,} cases, {events:,} events, drawn in {time.perf_counter() - began:.0f} s", flush=True)
        command = [sys.executable, __file__, "--derive", place, "--memory", asked.memory]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took = json.loads(done.stdout.strip().splitlines()[-1])
        print(f"case history written in {took['history_s']:.0f} s, peak {took['history_gb']:.2f} GB")
        print(f"{took['kpi_rows']:,} KPI rows in {took['kpis_s']:.0f} s, peak of all {took['peak_gb']:.2f} GB")
        print(f"all cases counted: {took['opened'] <= cases}, {took['opened']:,.0f}")
    return None


if __name__ == "__main__":
    main()

"""CPU of a night after another on one desk: the first, and those that follow a day later each.

    python benchmarks/second_night.py [CASES] [NIGHTS]

Prints the CPU seconds of each night as a whole and of its stages, and how much results, state and record have grown.
Times are of this machine; the ratio of the nights travels.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

COMMAND = [sys.executable, "-c", "import sys; from deskcast.pipelines.commands.cli import main; sys.exit(main())"]


def play(desk: Path, night: pd.Timestamp) -> tuple[float, float]:
    """Return the CPU and wall seconds of one night."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    words = ["run", "--night", f"{night:%Y-%m-%d %H:%M}"]
    done = subprocess.run([*COMMAND, *words], cwd=desk, check=False, capture_output=True, text=True)
    wall = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def size_mb(desk: Path, *names: str) -> float:
    """Return the size of files and folders of a desk."""
    found = [p for name in names for p in ((desk / name).rglob("*") if (desk / name).is_dir() else [desk / name])]
    return sum(p.stat().st_size for p in found if p.is_file()) / 1e6


def main(cases: int, nights: int) -> None:
    """Play the nights and print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder) / "desk"
        write_desk(simulate_desk(cases, 1), desk)
        last = pd.read_parquet(desk / "data" / "cases.parquet")["created_at"].max().normalize()
        for number in range(nights):
            cpu, wall = play(desk, last - pd.Timedelta(days=nights - 1 - number) + pd.Timedelta("5h"))
            state, results = size_mb(desk, "results-state"), size_mb(desk, "results")
            record = size_mb(desk, "mlflow.db", "mlruns")
            sizes = f"state {state:6.1f} MB, results {results:6.1f} MB, MLflow {record:6.1f} MB"
            print(f"night {number + 1:2}  {cpu:6.1f} s of CPU  {wall:6.1f} s   {sizes}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000, int(sys.argv[2]) if len(sys.argv) > 2 else 2)

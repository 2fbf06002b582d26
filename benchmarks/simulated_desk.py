"""How long the simulated desk takes, and how much memory: cases, events, seconds, peak.

    python benchmarks/simulated_desk.py [CASES ...]

Each size runs in a process of its own, so that the peak is its own; writing Parquet is included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure(cases: int) -> None:
    """Simulate and write one desk in this process, and print one line."""
    from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

    began = time.perf_counter()
    desk = simulate_desk(cases)
    simulated = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        write_desk(desk, folder)
        seconds = time.perf_counter() - began
        size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    events, contacts = len(desk.tables["events"]), len(desk.tables["contacts"])
    print(
        f"{cases:>9,} {events:>10,} {contacts:>10,} {simulated:>10.2f} {seconds:>10.2f} {peak:>8.2f} {size:>9.1f}",
        flush=True,
    )


def main() -> None:
    """Run the sizes of the command line, or the usual ones."""
    if sys.argv[1:2] == ["--one"]:
        return measure(int(sys.argv[2]))
    names = ("cases", "events", "contacts", "simulate s", "written s", "peak GB", "MB on disk")
    print("{:>9} {:>10} {:>10} {:>10} {:>10} {:>8} {:>9}".format(*names), flush=True)
    for cases in [int(a) for a in sys.argv[1:]] or [300, 40_000, 1_000_000]:
        subprocess.run([sys.executable, __file__, "--one", str(cases)], check=True)
    return None


if __name__ == "__main__":
    main()

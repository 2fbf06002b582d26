"""Time the main job as a newcomer meets it: the help, and the demo with everything installed.

    python benchmarks/main_job.py [CASES]

Prints the wall time of ``deskcast --help`` (median of nine) against that of a bare interpreter, and of
``deskcast demo`` with the seconds of each stage. Times are of this machine; the ratio to the interpreter travels.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = Path(sys.executable).parent / "deskcast"


def seconds(*words: str | Path, cwd: str | None = None) -> float:
    """Return the wall time of a command."""
    began = time.perf_counter()
    subprocess.run(words, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - began


def main(cases: int) -> None:
    """Print the table."""
    bare = statistics.median(seconds(sys.executable, "-c", "pass") for _ in range(9))
    answer = statistics.median(seconds(COMMAND, "--help") for _ in range(9))
    print(f"deskcast --help   {answer:6.2f} s   {answer / bare:5.1f} x a bare interpreter ({bare:.3f} s)")
    with tempfile.TemporaryDirectory() as folder:
        total = seconds(COMMAND, "demo", "desk", "--cases", str(cases), cwd=folder)
        found = json.loads((Path(folder) / "desk" / "results" / "findings.json").read_text())
        print(f"deskcast demo     {total:6.2f} s   {cases:,} cases")
        for stage in found["stages"]:
            print(f"  {stage['name']:<15} {stage['seconds']:6.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)

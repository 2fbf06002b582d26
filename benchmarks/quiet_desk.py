"""How many incidents a week `deskcast watch` tells of the simulated desk in months in which nothing was hidden.

python benchmarks/quiet_desk.py [seed ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.watch import watch_stage, watched_history
from deskcast.pipelines.store.incidents import AlertState

FIRST, END = pd.Timestamp("2025-01-06"), pd.Timestamp("2025-08-11")


def main() -> int:
    """Print incidents and alarms a week, by seed."""
    for seed in [int(word) for word in sys.argv[1:]] or [1]:
        with tempfile.TemporaryDirectory() as folder:
            write_desk(simulate_desk(40_000, seed=seed), Path(folder))
            project = open_project(Path(folder) / "deskcast.toml")
            tables = watch_stage(project, watched_history(project), AlertState()).tables
        weeks = (END - FIRST).days / 7
        told = tables["kpi_alerts"].query("@FIRST <= detected_at < @END and state != 'explained'")
        alarms = tables["detections"].query("@FIRST <= detected_at < @END")
        print(
            f"seed {seed}: {len(told) / weeks:.2f} incidents a week ({len(alarms) / weeks:.2f} alarms of single series)"
        )
        print("  " + ", ".join(f"{kpi} {n}" for kpi, n in told["kpi"].value_counts().items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

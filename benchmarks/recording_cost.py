"""What tracking and state cost of a run: CPU of the record in MLflow and of the state, beside that of all else.

    python benchmarks/recording_cost.py [FOLDER] [--cases 12000]

``FOLDER`` is that of ``deskcast demo``; without it one is simulated. The run is the second one of a new process, as a
night finds its stores made by an earlier one; the import of MLflow counts, as each night is a process of its own.
``accuracy`` is a stage that tells something, and is shown apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from deskcast.pipelines.commands import run as runs
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages import stage_run


def timed(spent: dict[str, float], name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds its CPU seconds to those of a name."""

    def call(*args: Any, **more: Any) -> Any:
        begun = time.process_time()
        try:
            return work(*args, **more)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - begun

    return call


def measure(folder: Path) -> dict[str, float]:
    """Run the whole job in this process and return CPU seconds by what they were for."""
    spent: dict[str, float] = {}
    runs.remember_stages = timed(spent, "state", runs.remember_stages)
    runs._record = timed(spent, "record", runs._record)
    compute = stage_run.StageRun.compute
    stage_run.StageRun.compute = lambda self, name: (  # type: ignore[method-assign]
        timed(spent, "accuracy", compute)(self, name) if name == "accuracy" else compute(self, name)
    )
    begun = time.process_time()
    project = open_project(folder / "deskcast.toml")
    runs.run(project)
    return {"all": time.process_time() - begun, **spent}


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", nargs="?", type=Path)
    asked.add_argument("--cases", type=int, default=12_000)
    asked.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(measure(options.folder)) + "\n")
        return
    folder = options.folder or Path(tempfile.mkdtemp()) / "desk"
    if not (folder / "deskcast.toml").exists():
        write_desk(simulate_desk(options.cases, 1), folder)
    for number in ("first", "second"):
        done = subprocess.run(
            [sys.executable, __file__, str(folder), "--measure"], check=True, capture_output=True, text=True
        )
        spent = json.loads(done.stdout.splitlines()[-1])
        kept = spent["state"] + spent["record"]
        rest = spent["all"] - kept
        table = pd.Series(spent).round(2).to_string()
        sys.stdout.write(f"{number} run, CPU seconds\n{table}\nstate and record: {kept / rest:.1%} of all else\n\n")


if __name__ == "__main__":
    main()

"""Peak memory of training and ranking, by the size of a simulated desk: run once for each size.

    python benchmarks/memory.py FOLDER

``FOLDER`` is that of ``deskcast demo FOLDER --cases N``; the memory a case is the difference of two sizes.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.risk import risk_stage
from deskcast.pipelines.stages.train import train_stage


def main(folder: Path) -> None:
    """Print the peak memory in MB after the log is open, after training, and after ranking."""
    project = open_project(folder / "deskcast.toml")
    print(f"{len(project.log.frame('cases')):,} cases: open {peak_mb():,.0f} MB", end=", ")
    _, trained = train_stage(project)
    print(f"trained {peak_mb():,.0f} MB", end=", ")
    risk_stage(project, trained)
    print(f"ranked {peak_mb():,.0f} MB")


def peak_mb() -> float:
    """Return the largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))

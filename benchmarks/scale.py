"""What a run costs by the size of the desk: CPU, wall and peak memory of each stage, and how they grow.

    python benchmarks/scale.py [--cases 10000 100000] [--memory 2GB] [--stages check,history,...] [--folder DIR]

Each size is a simulated desk as Parquet files, made once in the folder and kept, and each is run in a process of its
own, so that its peak is its own. ``--memory`` is that of ``[engine]``; ``--memory none`` reads everything into memory.
A growth exponent of 1 means that ten times the cases cost ten times as much; it is that of the cost beyond an empty
desk's, which the smallest size stands for.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

STAGES = "check,history,forecast,staff,train,risk,drift,watch,accuracy"


def measure(folder: Path, memory: str, stages: list[str]) -> None:
    """Run stages in this process and print a line of JSON for each."""
    from deskcast.pipelines.project.config import load_config
    from deskcast.pipelines.project.engine_specs import EngineSpec
    from deskcast.pipelines.project.project import open_project
    from deskcast.pipelines.stages.stage_run import StageRun

    config = load_config(folder / "deskcast.toml")
    if memory != "none":
        config = replace(config, engine=EngineSpec(memory=memory))
    run = None
    for name in ["open", *stages]:
        cpu, wall = time.process_time(), time.perf_counter()
        if run is None:
            run = StageRun(open_project(config))
        else:
            run.compute(name)
        told = {"stage": name, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps(told | {"peak_gb": peak}), flush=True)


def make(folder: Path, cases: int) -> Path:
    """Simulate a desk once, in a process of its own."""
    place = folder / f"desk-{cases}"
    if not (place / "deskcast.toml").is_file():
        code = "import sys; from deskcast.pipelines.simulated_desk.desk import simulate_desk as s, write_desk as w; "
        subprocess.run([sys.executable, "-c", code + f"w(s({cases}), {str(place)!r})"], check=True)
    return place


def main() -> None:
    """Make the desks, run them, print a table and the exponents."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--stages", default=STAGES)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "deskcast-scale")
    parser.add_argument("--one", type=Path)
    asked = parser.parse_args()
    if asked.one:
        return measure(asked.one, asked.memory, asked.stages.split(","))
    found: dict[int, dict[str, dict[str, float]]] = {}
    print(f"{'cases':>10} {'stage':<10} {'CPU s':>8} {'wall s':>8} {'peak GB':>8}")
    for cases in sorted(asked.cases):
        place = make(asked.folder, cases)
        command = [sys.executable, __file__, "--one", str(place), "--memory", asked.memory, "--stages", asked.stages]
        found[cases] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout or ():
                row = json.loads(line)
                found[cases][row["stage"]] = row
                print(
                    f"{cases:>10,} {row['stage']:<10} {row['cpu_s']:>8.1f} {row['wall_s']:>8.1f} {row['peak_gb']:>8.2f}"
                )
        total = sum(row["cpu_s"] for row in found[cases].values())
        print(f"{cases:>10,} {'all':<10} {total:>8.1f}", flush=True)
    sizes = sorted(found)
    if len(sizes) > 2:
        print_exponents(found, *sizes[-3:])
    return None


def print_exponents(found: dict[int, dict[str, dict[str, float]]], small: int, middle: int, large: int) -> None:
    """Print how the cost of each stage beyond that of the smallest desk grows."""
    for name, row in found[large].items():
        base = found[small][name]["cpu_s"]
        low, high = found[middle][name]["cpu_s"] - base, row["cpu_s"] - base
        if low > 0.5 and high > 0:
            grows = math.log(high / low) / math.log((large - small) / (middle - small))
            print(f"{name:<10} grows with exponent {grows:.2f} from {middle:,} to {large:,} cases")


if __name__ == "__main__":
    main()

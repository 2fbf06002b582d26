"""What programs read of a night: one line of JSON a stage as it goes, and one file of JSON when it has ended."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..stage import Stage
from .run import RunOutcome


class JsonProgress:
    """Write one line of JSON to stderr for each stage that has ended."""

    def __enter__(self) -> JsonProgress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, stage: str) -> None:
        """Write nothing yet."""

    def end(self, stage: Stage) -> None:
        """Write time, rows, seconds and the peak of memory so far."""
        line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), **describe_stage(stage)}
        sys.stderr.write(json.dumps(line | {"peak_memory_mb": find_peak_mb()}, ensure_ascii=False) + "\n")
        sys.stderr.flush()


def describe_stage(stage: Stage) -> dict[str, Any]:
    """Return what became of a stage.

    >>> describe_stage(Stage("staff", skipped="no queue", seconds=0.25))
    {'stage': 'staff', 'state': 'skipped', 'rows': 0, 'seconds': 0.25, 'reason': 'no queue'}
    """
    state = "failed" if stage.failed else "skipped" if stage.skipped else "done"
    rows = 0 if stage.failed else sum(len(table) for table in stage.tables.values())
    told = {"stage": stage.name, "state": state, "rows": rows, "seconds": round(stage.seconds, 3)}
    return told | ({"reason": stage.failed or stage.skipped} if state != "done" else {})


def find_peak_mb() -> float:
    """Return the most memory that this process has held, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def summarise_run(outcome: RunOutcome, exit_code: int) -> dict[str, Any]:
    """Return a night in one record: how it ended, its instants, stages, failures, notes and alarms."""
    return {
        "exit_code": exit_code,
        **outcome.instants.record(),
        "results": str(outcome.results),
        "report": str(outcome.report),
        "stages": [describe_stage(stage) for stage in outcome.stages],
        "failures": [{"what": name, "reason": reason} for name, reason in outcome.failures],
        "notes": list(outcome.notes),
        "alarms": count_ends([one.end for one in outcome.deliveries]),
        "peak_memory_mb": find_peak_mb(),
    }


def count_ends(ends: Sequence[str]) -> dict[str, int]:
    """Count how alarms ended.

    >>> count_ends(["sent", "waits", "sent"])
    {'sent': 2, 'waits': 1}
    """
    return {end: list(ends).count(end) for end in sorted(set(ends))}


def write_summary(path: Path, body: dict[str, Any]) -> None:
    """Write the record of a night to a file, whole or not at all."""
    from ..store.atomic_replace import replace_file

    with replace_file(path) as aside:
        aside.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

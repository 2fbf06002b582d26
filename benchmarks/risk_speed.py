"""How long breach risk takes: training on 100,000 snapshots, and scoring 100,000 open cases with reasons.

The snapshots are those of the ServiceNow desk of the shared data, repeated with other case ids until there are
enough, so that they have all features and levels of a real desk.

Run: ``python benchmarks/risk_speed.py [FOLDER]``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd
from deskcast.features.labels.breach import breach_labels, find_case_ends
from deskcast.features.snapshots.snapshots import daily, snapshots
from deskcast.models.risk.breach import BreachRisk
from deskcast.models.worklist.ranking import rank_cases

sys.path.insert(0, str(Path(__file__).parent))
from breach_servicenow import FOLDER, load

ROWS = 100_000


def main(folder: Path) -> None:
    """Print the times."""
    log = load(folder)
    labels, ends = breach_labels(log), find_case_ends(log, "made_sla")
    frame = snapshots(log, daily("2016-02-29", "2016-05-20"), "made_sla")
    begun = time.perf_counter()
    risk = BreachRisk().fit(frame.tail(ROWS), labels, ends=ends, as_of=log.until)
    took = time.perf_counter() - begun
    print(f"training on {min(len(frame), ROWS):,} snapshots: {took:.1f} s; {risk.decision_[:60]}...")
    one = frame[frame["already_breached"].astype("boolean").fillna(False).eq(False)]
    many = pd.concat([one] * (ROWS // len(one) + 1), ignore_index=True).head(ROWS)
    many["case_id"] = [f"C{i:06}" for i in range(ROWS)]
    many["at"] = frame["at"].max()
    begun = time.perf_counter()
    p = risk.risk(many)
    print(f"probabilities of {len(p):,} cases: {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    parts = risk.contributions(many)
    print(f"contributions of {len(parts):,} cases: {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    table, _ = rank_cases(many, risk)
    print(
        f"the list of {len(table):,} cases with probabilities, reasons and actions: {time.perf_counter() - begun:.1f} s"
    )
    begun = time.perf_counter()
    risk.finish_times(many)
    print(f"finish times of {len(many):,} cases: {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)

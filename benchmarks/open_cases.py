"""Open cases are not left out: resolution times of April's incidents as an observer of 15 April could tell them.

The public ServiceNow incident log is read up to 2016-04-15. For the cases opened in April until then, the 90th
percentile of the time to resolution is estimated by Kaplan-Meier over open and resolved cases, as the KPI history does,
and by the resolved ones alone, as a plain report does. The value known later comes from the whole log.

    python benchmarks/open_cases.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.features.statistics.kaplan_meier import kaplan_meier

FILE = (
    Path(__file__).resolve().parents[2]
    / "shared/data/servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz"
)
CUT, SINCE = pd.Timestamp("2016-04-15T00:00Z"), pd.Timestamp("2016-04-01T00:00Z")
DAY = 86400.0


def main(path: Path) -> None:
    """Print one row for each way of counting."""
    log = CaseLog.from_frames(**load_source(SourceSpec("cases", str(path), kind="servicenow")).tables)
    early = case_history(log.as_of(CUT))
    early = early[early["created_at"] >= SINCE]
    later = case_history(log).set_index("case_id").loc[early["case_id"]]
    rows = [
        ("resolved by the cut alone", *_resolved(early)),
        ("Kaplan-Meier at the cut", *_curve(early)),
        ("known later (Kaplan-Meier)", *_curve(later)),
        ("known later, resolved alone", *_resolved(later)),
    ]
    table = pd.DataFrame(rows, columns=["90th percentile by", "cases", "resolved", "median_d", "p90_d"])
    sys.stdout.write(f"Cases opened {SINCE:%d %b} to {CUT:%d %b %Y}; days from creation to final resolution\n")
    sys.stdout.write(table.round(2).to_string(index=False) + "\n")


def _curve(cases: pd.DataFrame) -> tuple[int, int, float, float]:
    done = cases["resolution_s"].notna()
    spent = cases["resolution_s"].fillna(cases["age_s"])
    row = kaplan_meier(spent, done).iloc[0]
    return int(row["n"]), int(row["ended"]), row["q50"] / DAY, row["q90"] / DAY


def _resolved(cases: pd.DataFrame) -> tuple[int, int, float, float]:
    spent = cases["resolution_s"].dropna()
    middle, high = np.quantile(spent, [0.5, 0.9], method="inverted_cdf")
    return len(spent), len(spent), middle / DAY, high / DAY


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)

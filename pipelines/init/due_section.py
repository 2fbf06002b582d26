"""The promises that the cases of an export bring with them: a due time each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from ...features.sources.promises import classify_promise
from .configuration_values import write_text

#: Fewer cases with a due time than this share are no promise of the desk.
MIN_DUE_SHARE = 0.05
_STOPS = {"first_response": ("message",), "resolution": ("resolved", "closed")}


def due_lines(tables: Mapping[str, pd.DataFrame], flags: Iterable[str] = ()) -> list[str]:
    """Write a promise for each metric of which enough cases have a due time, with how many came late.

    A promise that the system itself decides on, by one of its ``flags``, is not made twice.

    >>> cases = pd.DataFrame({"case_id": ["1", "2"]})
    >>> dues = pd.DataFrame({"case_id": ["1", "2"], "metric": "resolution", "set_at": pd.NaT,
    ...                      "due_at": pd.to_datetime(["2024-03-01T17:00Z", "2024-03-01T17:00Z"])})
    >>> ends = pd.DataFrame({"case_id": ["1"], "kind": ["closed"], "at": pd.to_datetime(["2024-03-02T09:00Z"])})
    >>> due_lines({"cases": cases, "due_times": dues, "events": ends})[1]
    "# The system's own due time of each case: 2 of 2 cases have one; 1 of 1 that ended came later (100.0%)."
    """
    if "due_times" not in tables or "cases" not in tables:
        return []
    lines: list[str] = []
    size = len(tables["cases"])
    decided = {classify_promise(flag.replace("_", " ")) for flag in flags}
    for metric, rows in tables["due_times"].groupby("metric", sort=False):
        if metric in decided:
            lines += [f'# Cases also have due times for {metric!s}: clock = "due" instead tells the time left.', ""]
            continue
        last = rows.dropna(subset=["due_at"]).drop_duplicates("case_id", keep="last").set_index("case_id")["due_at"]
        if len(last) < max(1, MIN_DUE_SHARE * size):
            lines += [
                f"# Only {len(last):,} of {size:,} cases have a due time for {metric}: too few for an SLA.",
                "",
            ]
            continue
        said = f"# The system's own due time of each case: {len(last):,} of {size:,} cases have one"
        lines += ["[[sla]]", f"{said}{_late(last, str(metric), tables)}."]
        lines += [f"metric = {write_text(str(metric))}", 'clock = "due"', ""]
    return lines if "[[sla]]" in lines or decided else []


def _late(due: pd.Series, metric: str, tables: Mapping[str, pd.DataFrame]) -> str:
    """Describe how many of those that ended came later than they were due."""
    events = tables.get("events")
    if events is None or metric not in _STOPS:
        return ""
    rows = events[events["kind"].isin(_STOPS[metric])]
    if metric == "first_response" and "actor_role" in rows:
        rows = rows[rows["actor_role"].eq("agent") & ~rows["public"].eq(False).fillna(False)]
    stops = rows.groupby("case_id")["at"].min()
    both = pd.concat({"due": due, "end": stops}, axis=1, join="inner").dropna()
    late = int((both["end"] > both["due"]).sum())
    done = "that ended" if metric == "resolution" else "that were answered"
    return f"; {late:,} of {len(both):,} {done} came later ({late / len(both):.1%})" if len(both) else ""

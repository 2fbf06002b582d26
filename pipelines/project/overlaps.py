"""Cases that several sources of tables have: the newest source says how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ...features.sources.spec import LoadedSource


def keep_newest_cases(parts: Sequence[LoadedSource], refused: list[pd.DataFrame]) -> list[LoadedSource]:
    """Leave out of each source the cases that a newer one has; of two with the same last instant the first counts.

    A source is newer whose last instant is later: so two exports of one desk, a month apart, are read as one. Only
    tables of cases that tell their own events are compared, as those of a system's export come with a history.

    Parameters
    ----------
    parts
        What each source gave.
    refused
        The rows that were left out are added here.
    """
    able = [i for i, part in enumerate(parts) if _is_case_table(part)]
    if len(able) < 2:
        return list(parts)
    last = {i: _last_instant(parts[i]) for i in able}
    out, known = list(parts), pd.Index([])
    for i in sorted(able, key=lambda i: (-last[i].value, i)):
        cases = parts[i].tables["cases"]
        again = cases["case_id"].isin(known)
        known = known.union(pd.Index(cases["case_id"]))
        if not again.any():
            continue
        value = cases.loc[again, "case_id"].astype("str")
        newer = last[i] < max(last.values())
        reason = "the case id came in an earlier source; that one was kept"
        reason = "a newer row of the case was kept" if newer else reason
        part = {"table": "cases", "row": 0, "column": "case_id", "value": value, "reason": reason}
        refused.append(pd.DataFrame(part).assign(code="row.replaced" if newer else "row.doubled"))
        lost = set(cases.loc[again, "case_id"])
        tables = {
            n: f[~f["case_id"].isin(lost)].reset_index(drop=True) if "case_id" in f else f
            for n, f in parts[i].tables.items()
        }
        out[i] = replace(parts[i], tables={n: f for n, f in tables.items() if len(f)})
    return out


def _is_case_table(part: LoadedSource) -> bool:
    return (
        "cases" in part.tables
        and bool(part.tables["cases"]["created_at"].notna().any())  # none where all lie outside the span that is read
        and "cases" not in part.derived
        and ("events" not in part.tables or "events" in part.derived)
    )


def _last_instant(part: LoadedSource) -> pd.Timestamp:
    times = [part.tables["cases"]["created_at"].max()]
    if "events" in part.tables:
        times.append(part.tables["events"]["at"].max())
    return pd.Timestamp(max(t for t in times if not pd.isna(t)))
